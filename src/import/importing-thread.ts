/**
 * The program of the thread of imports: it reads lines, and writes each chunk to the log by itself when the main thread
 * gives it the turn. Its garbage, its fsyncs and its reading are nobody else's to wait for.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import {
  asleepOver,
  type By,
  type Command,
  CommandHandler,
  type Desk,
  type Rejection,
  refusalFor,
} from '../../actors/index.ts';
import {
  type BesideLog,
  DataUnusable,
  type Happened,
  LogUnavailable,
  openSqliteLogBeside,
  pack,
} from '../../eventlog/index.ts';
import { localAddresses } from '../config/index.ts';

import { type ChunkResult, carriedOut, joined, refused } from './chunks.ts';
import { cutLines } from './cut-lines.ts';
import type { ImportWish } from './importer.ts';
import type { FromImporter, ImportBoot, ToImporter } from './messages.ts';
import { gathered, oneAhead, type ReadChunk, readChunks } from './read-chunks.ts';

// Of bytes that wait to be read, for each import: what one turn writes, and as much again.
const HELD_BYTES = 262_144;
// What is written in 30 ms, with one fsync, which nobody minds who is not there.
const TURN_LINES = 2000;
// A turn ends with the chunk in which a command comes to wait: of these in 8 ms.
const MANY_LINES = 500;
// While commands come a turn is one chunk, of 2 ms. A chunk takes some work, of so few lines a tenth of all.
const FEW_LINES = 100;
const CROWDED_MS = 1000;
// 24 MiB: less than what a commit of the main thread would write back by itself.
const WRITE_BACK_PAGES = 6144;

type Session = { readonly bytes: Readable; readonly cancelled: AbortController; go: () => void };

type Opened = BesideLog & { readonly desk: Pick<Desk, 'askTogether'> };

const { directory, wanted } = workerData as ImportBoot;
const parent = parentPort;
if (parent === null) throw new Error('importing-thread.ts is the program of a worker thread');

const sessions = new Map<number, Session>();
let opened: Opened | undefined;
let crowdedUntil = 0;
/** In the present turn. */
let written: Happened | undefined;

function tell(message: FromImporter): void {
  parent?.postMessage(message);
}

function begin(id: number, wish: ImportWish, listeners: readonly string[]): void {
  const bytes = new Readable({ highWaterMark: HELD_BYTES, read: () => tell({ type: 'more', id }) });
  const session: Session = { bytes, cancelled: new AbortController(), go: () => {} };
  sessions.set(id, session);
  carryOut(id, session, wish, listeners).then(
    () => tell({ type: 'ended', id }),
    (error: Error) => tell({ type: 'failed', id, message: error.message }),
  );
}

async function carryOut(
  id: number,
  session: Session,
  { size, by, ...numbering }: ImportWish,
  listeners: readonly string[],
): Promise<void> {
  const { bytes } = session;
  const reading = {
    ownAddresses: () => ({ listeners, local: localAddresses() }),
    isDigested: by.commandId !== undefined,
  };
  const lines = cutLines(bytes, size ?? asFits, numbering, () => bytes.readableLength > 0);
  try {
    for await (const chunks of oneAhead(gathered(readChunks(lines, reading), TURN_LINES))) {
      for (let done = 0; done < chunks.length; ) {
        const next = chunks[done]!;
        const results =
          next.type === 'failed'
            ? [next]
            : await inTurn(id, session, () => writtenOf(chunks.slice(done), by));
        for (const result of size === undefined ? joined(results) : results)
          tell({ type: 'result', id, result });
        if (results.at(-1)?.type === 'failed') return;
        done += results.length;
      }
    }
  } finally {
    sessions.delete(id);
    bytes.destroy();
  }
}

async function inTurn(
  id: number,
  session: Session,
  write: () => Promise<readonly ChunkResult[]>,
): Promise<readonly ChunkResult[]> {
  session.cancelled.signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(session.cancelled.signal.reason as Error);
    session.cancelled.signal.addEventListener('abort', onAbort, { once: true });
    session.go = () => {
      session.cancelled.signal.removeEventListener('abort', onAbort);
      resolve();
    };
    tell({ type: 'turn', id });
  });
  try {
    return await write();
  } finally {
    tell({ type: 'wrote', id, ...(written === undefined ? {} : { packed: pack(written.events) }) });
    written = undefined;
    writeBack();
  }
}

/** In one commit, until one is refused or others wait for their turn: at least the first, which is readable. */
async function writtenOf(chunks: readonly ReadChunk[], by: By): Promise<readonly ChunkResult[]> {
  const results: ChunkResult[] = [];
  try {
    const { log, desk } = openLog();
    return await log.together(async () => {
      for (const chunk of chunks) {
        if (chunk.type === 'failed') break;
        const result = await carriedOut(chunk, desk, by);
        results.push(result);
        if (result.type === 'failed' || isCrowded()) break;
      }
      return results;
    });
  } catch (error) {
    // Whatever it holds of the file, and the lock of who writes it, is let go.
    closeLog();
    // Those before the one that could not be written may be, and what fails that one is said of it alone.
    const written = results.filter(({ type }) => type === 'done').length;
    if (chunks.length > 1) return writtenOf(chunks.slice(0, Math.max(1, written)), by);
    return [refused(chunks[0]!, refusalOf(error))];
  }
}

/** A command waits for its turn, or one did a moment ago. */
function isCrowded(): boolean {
  const nowMs = performance.now();
  if (Atomics.exchange(wanted, 0, 0) !== 0) crowdedUntil = nowMs + CROWDED_MS;
  return nowMs < crowdedUntil;
}

const asFits = () => (isCrowded() ? FEW_LINES : MANY_LINES);

/** Opened for the first time, or anew, it may not be to be had: the words are those of a log that fails later. */
function refusalOf(error: unknown): Rejection {
  if (error instanceof DataUnusable) return { type: 'log_unavailable', detail: error.message };
  return refusalFor(error);
}

/** Between turns, since whoever waits for one would wait for the disk as well. The journal's thread has done most of it. */
function writeBack(): void {
  try {
    opened?.log.writeBack(WRITE_BACK_PAGES);
  } catch (error) {
    // The next append will say so.
    if (!(error instanceof LogUnavailable)) throw error;
  }
}

/** An archive may have put another file in the log's place since the last turn; during one it waits. */
function openLog(): Opened {
  if (opened?.isSwapped() === true) closeLog();
  if (opened !== undefined) return opened;
  const beside = openSqliteLogBeside({ directory, now: Date.now });
  const { log } = beside;
  log.onAppended((happened) => {
    written = happened;
  });
  // Nobody is awake here, and in its turn nobody else decides: there is nothing to wait for.
  const alone = { owners: asleepOver(log), published: async () => {}, newCommandId: randomUUID };
  const handler = new CommandHandler({ log, ...alone });
  const askTogether = (commands: readonly Command[], by: By, digest: string) =>
    handler.together(commands, { by, digest });
  opened = { ...beside, desk: { askTogether } };
  return opened;
}

function closeLog(): void {
  void opened?.log.close();
  opened = undefined;
}

function cancel(id: number): void {
  const session = sessions.get(id);
  const reason = new Error('nobody wants it any more');
  session?.cancelled.abort(reason);
  session?.bytes.destroy(reason);
}

parent.on('message', (message: ToImporter | { type: 'stop' } | { type: 'fail'; message: string }) => {
  switch (message.type) {
    case 'begin':
      return begin(message.id, message.wish, message.listeners);
    case 'bytes':
      sessions.get(message.id)?.bytes.push(message.bytes ?? null);
      return;
    case 'go':
      sessions.get(message.id)?.go();
      return;
    case 'cancel':
      return cancel(message.id);
    case 'stop':
      for (const id of sessions.keys()) cancel(id);
      closeLog();
      parent.close();
      return;
    case 'fail':
      throw new Error(message.message);
  }
});
