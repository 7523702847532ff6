/**
 * The program of the thread of imports: it reads lines, and writes each chunk to the log by itself when the main thread
 * gives it the turn. Its garbage, its fsyncs and its reading are nobody else's to wait for.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import { type Answer, asleepOver, type By, type Command, CommandHandler } from '../../actors/index.ts';
import {
  type BesideLog,
  DataUnusable,
  type Happened,
  LogUnavailable,
  openSqliteLogBeside,
  pack,
} from '../../eventlog/index.ts';
import { localAddresses } from '../config/index.ts';

import { importChunks } from './chunks.ts';
import { cutLines } from './cut-lines.ts';
import type { ImportWish } from './importer.ts';
import type { FromImporter, ImportBoot, ToImporter } from './messages.ts';

// Of bytes that wait to be read, for each import; one piece of a socket's is as much.
const HELD_BYTES = 65_536;
// A chunk is written in 20 ms, which nobody minds who is not there; while others come, in some 3.
const MANY_LINES = 1000;
const FEW_LINES = 100;
const CROWDED_MS = 1000;
// 24 MiB: less than what a commit of the main thread would write back by itself.
const WRITE_BACK_PAGES = 6144;

type Session = { readonly bytes: Readable; readonly cancelled: AbortController; go: () => void };

const { directory } = workerData as ImportBoot;
const parent = parentPort;
if (parent === null) throw new Error('importing-thread.ts is the program of a worker thread');

const sessions = new Map<number, Session>();
let opened: BesideLog | undefined;
let handling: CommandHandler | undefined;
let crowdedUntil = 0;
/** In the present turn. */
let written: readonly Happened[] = [];

const asFits = () => (performance.now() < crowdedUntil ? FEW_LINES : MANY_LINES);

function tell(message: FromImporter): void {
  parent?.postMessage(message);
}

function begin(id: number, wish: ImportWish, listeners: readonly string[]): void {
  const bytes = new Readable({ highWaterMark: HELD_BYTES, read: () => tell({ type: 'more', id }) });
  const session: Session = { bytes, cancelled: new AbortController(), go: () => {} };
  sessions.set(id, session);
  carriedOut(id, session, wish, listeners).then(
    () => tell({ type: 'ended', id }),
    (error: Error) => tell({ type: 'failed', id, message: error.message }),
  );
}

async function carriedOut(
  id: number,
  session: Session,
  { size, by, ...numbering }: ImportWish,
  listeners: readonly string[],
): Promise<void> {
  const desk = {
    askTogether: (commands: readonly Command[], by: By, digest: string) =>
      inTurn(id, session, (handler) => handler.together(commands, { by, digest })),
  };
  const ownAddresses = () => ({ listeners, local: localAddresses() });
  const results = importChunks(cutLines(session.bytes, size ?? asFits, numbering), {
    desk,
    ownAddresses,
    by,
    isAhead: true,
  });
  try {
    for await (const result of results) tell({ type: 'result', id, result });
  } finally {
    sessions.delete(id);
    session.bytes.destroy();
  }
}

async function inTurn(
  id: number,
  session: Session,
  ask: (handler: CommandHandler) => Promise<Answer>,
): Promise<Answer> {
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(session.cancelled.signal.reason as Error);
    session.cancelled.signal.addEventListener('abort', onAbort, { once: true });
    session.go = () => {
      session.cancelled.signal.removeEventListener('abort', onAbort);
      resolve();
    };
    tell({ type: 'turn', id });
  });
  written = [];
  try {
    return await ask(handler());
  } catch (error) {
    // Opened here for the first time, or anew, it may not be to be had: the words are those of a log that fails later.
    if (!(error instanceof DataUnusable || error instanceof LogUnavailable)) throw error;
    return { type: 'rejected', rejection: { type: 'log_unavailable', detail: error.message } };
  } finally {
    const events = written.flatMap((happened) => happened.events);
    tell({ type: 'wrote', id, ...(events.length === 0 ? {} : { packed: pack(events) }) });
    writeBack();
  }
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
function handler(): CommandHandler {
  if (opened?.isSwapped() === true) {
    void opened.log.close();
    opened = undefined;
  }
  if (opened === undefined || handling === undefined) {
    opened = openSqliteLogBeside({ directory, now: Date.now });
    const { log } = opened;
    log.onAppended((happened) => {
      written = [happened];
    });
    // Nobody is awake here, and in its turn nobody else decides: there is nothing to wait for.
    const alone = { owners: asleepOver(log), published: async () => {}, newCommandId: randomUUID };
    handling = new CommandHandler({ log, ...alone });
  }
  return handling;
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
    case 'crowded':
      crowdedUntil = performance.now() + CROWDED_MS;
      return;
    case 'cancel':
      return cancel(message.id);
    case 'stop':
      for (const id of sessions.keys()) cancel(id);
      void opened?.log.close();
      parent.close();
      return;
    case 'fail':
      throw new Error(message.message);
  }
});
