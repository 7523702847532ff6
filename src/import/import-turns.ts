/**
 * The work of the import thread: in its turn it writes chunks of lines to the log itself, while the drafting thread
 * reads those that follow. So its garbage collections and fsyncs delay nothing else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import {
  asleepOver,
  type By,
  type Command,
  CommandHandler,
  type Desk,
  newCommandId,
  type Rejection,
  refusalFor,
  sealed,
} from '../../actors/index.ts';
import {
  type BesideLog,
  DataUnusable,
  type Happened,
  LogUnavailable,
  openSqliteLogBeside,
} from '../../eventlog/index.ts';
import { type ChunkResult, carriedOut, done, joined, refused } from './chunks.ts';
import { type Drafted, type DraftedChunk, readOf } from './drafted.ts';
import { Drafter, type Drafts } from './drafter.ts';
import { type Begin, type FromImporter, type ImportBoot, type ToImporter, WANTED } from './messages.ts';
import { Room } from './room.ts';

// A turn ends with the chunk in which a command comes to wait: of these in 4 ms.
const MANY_LINES = 250;
// While commands come a turn is one chunk, of 2 ms once those are written that were read before. A chunk takes some work, of so few
// lines a tenth of all.
const FEW_LINES = 100;
// Owners that are there already come together: so many chunks at most are decided here before another draft is tried. Some forty are
// drafted already when the first proves vain.
const MOST_SPARED = 512;
const CROWDED_MS = 500;
// 20 000 lines: then the file's pages may have to be written back, which is no turn's to wait for.
const COMMITS_A_TURN = 10;
// Lines that are late are mostly on their way; handing the log over and getting it back takes some milliseconds as well.
const LATE_MS = 3;
// 24 MiB: less than what a commit of the main thread would write back by itself.
const WRITE_BACK_PAGES = 6144;

type Session = {
  readonly id: number;
  readonly by: By;
  readonly drafts: Drafts;
  /** From 1; the last that it asked for. */
  turn: number;
  isInTurn: boolean;
  /** In its turn. */
  commits: number;
  /** In its turn it may write so many times. */
  readonly go: Room;
};

type Opened = BesideLog & { readonly desk: Pick<Desk, 'askTogether'> };

const { directory, wanted } = workerData as ImportBoot;
const parent = parentPort;
if (parent === null) throw new Error('import-turns.ts is what a worker thread does');

const drafter = new Drafter(MANY_LINES);
const sessions = new Map<number, Session>();
let opened: Opened | undefined;
let crowdedUntil = 0;
let turnMs = 0;
/** Drafts that did not hold, one after the other. */
let misses = 0;
/** Somebody waits for the present turn to end. */
let isWanted = false;
/** In the present turn. */
let written: Happened | undefined;

function tell(message: FromImporter): void {
  parent?.postMessage(message);
}

function begin(message: Begin): void {
  const { id, wish } = message;
  const { by } = wish;
  const drafts = drafter.begin(message);
  const session: Session = { id, by, drafts, turn: 0, isInTurn: false, commits: 0, go: new Room() };
  sessions.set(id, session);
  carryOut(session, wish.size === undefined).then(
    () => tell({ type: 'ended', id }),
    (error: Error) => tell({ type: 'failed', id, message: error.message }),
  );
}

async function carryOut(session: Session, isJoined: boolean): Promise<void> {
  const { id, drafts } = session;
  try {
    for (let chunks = await nextOf(session); chunks !== undefined; chunks = await nextOf(session)) {
      for (let done = 0; done < chunks.length; ) {
        const next = chunks[done]!;
        const results = next.type === 'failed' ? [next] : await inTurn(session, chunks.slice(done));
        for (const result of isJoined ? joined(results) : results) tell({ type: 'result', id, result });
        if (results.at(-1)?.type === 'failed') return;
        done += results.length;
      }
    }
  } finally {
    if (session.isInTurn) handOver(session, true);
    sessions.delete(id);
    drafts.close();
  }
}

/** The turn goes on while lines are late, if not for long. */
async function nextOf(session: Session): Promise<readonly DraftedChunk[] | undefined> {
  const { drafts } = session;
  if (session.isInTurn && !(await drafts.isAtHand(LATE_MS))) handOver(session, true);
  return drafts.take();
}

async function inTurn(session: Session, chunks: readonly DraftedChunk[]): Promise<readonly ChunkResult[]> {
  if (!session.isInTurn) {
    // As long as it had the log: then others have it half of the time, and the disk.
    if (isCrowded()) await sleep(turnMs);
    askForTurn(session);
  }
  await session.go.take();
  const fromMs = performance.now();
  let results: readonly ChunkResult[] = [];
  try {
    results = await writtenOf(chunks, session.by);
    return results;
  } finally {
    session.commits += 1;
    const isAlone = !isCrowded() && !isWanted && session.commits < COMMITS_A_TURN;
    turnMs = performance.now() - fromMs;
    handOver(session, results.at(-1)?.type !== 'done' || !isAlone);
  }
}

function askForTurn(session: Session): void {
  session.turn += 1;
  session.isInTurn = true;
  session.commits = 0;
  session.go.clear();
  tell({ type: 'turn', id: session.id, turn: session.turn });
}

/** What was written last, if anything was, to be put in force; after the last of a turn the log is the main thread's again. */
function handOver(session: Session, isLast: boolean): void {
  tell({ type: 'wrote', id: session.id, packed: written?.packed, isLast });
  written = undefined;
  if (!isLast) return;
  session.isInTurn = false;
  // It was for this turn; whoever else reads meanwhile whether it is crowded leaves it so.
  isWanted = false;
  writeBack();
}

/** In one commit, until one is refused or others wait for their turn: at least the first, which is readable. */
async function writtenOf(chunks: readonly DraftedChunk[], by: By): Promise<readonly ChunkResult[]> {
  const results: ChunkResult[] = [];
  try {
    const { log } = openLog();
    return await log.together(async () => {
      for (const chunk of chunks) {
        if (chunk.type === 'failed') break;
        const result = await resultOf(chunk, by);
        results.push(result);
        if (result.type === 'failed' || isCrowded()) break;
      }
      return results;
    });
  } catch (error) {
    // Whatever it holds of the file, and the lock of who writes it, is let go.
    closeLog();
    // Those before the one that could not be written may be, and where the commit failed half of them; what fails one alone is said
    // of it.
    const written = results.filter(({ type }) => type === 'done').length;
    const fewer = written < chunks.length ? written : chunks.length >> 1;
    if (chunks.length > 1) return writtenOf(chunks.slice(0, Math.max(1, fewer)), by);
    return [refused(chunks[0]!, refusalOf(error))];
  }
}

/** As it was drafted; where that does not hold, decided here, and the next ones are hardly worth a draft. */
async function resultOf(chunk: Drafted, by: By): Promise<ChunkResult> {
  const { log, desk } = openLog();
  if (chunk.draft !== undefined) {
    const answer = await sealed(chunk.draft, log);
    misses = answer === undefined ? misses + 1 : 0;
    drafter.spare(misses === 0 ? 0 : Math.min(2 ** misses, MOST_SPARED));
    if (answer?.type === 'done') return done(chunk, answer);
  }
  return carriedOut(readOf(chunk), desk, by);
}

/** A command waits for the turn to end, or one did a moment ago. */
function isCrowded(): boolean {
  const nowMs = performance.now();
  const by = Atomics.exchange(wanted, 0, 0);
  if (by !== 0) isWanted = true;
  if ((by & WANTED.command) !== 0) crowdedUntil = nowMs + CROWDED_MS;
  const isSo = nowMs < crowdedUntil;
  drafter.fit(isSo ? FEW_LINES : MANY_LINES);
  return isSo;
}

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
  const alone = { owners: asleepOver(log), published: async () => {}, newCommandId };
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

/** One of a turn that is over is void. */
function hasGo(id: number, turn: number): void {
  const session = sessions.get(id);
  if (session?.isInTurn === true && session.turn === turn) session.go.make();
}

function cancel(id: number): void {
  const session = sessions.get(id);
  const reason = new Error('nobody wants it any more');
  session?.go.close(reason);
  session?.drafts.came.end({ error: reason });
}

parent.on('message', (message: ToImporter | { type: 'stop' } | { type: 'fail'; message: string }) => {
  switch (message.type) {
    case 'begin':
      return begin(message);
    case 'go':
      hasGo(message.id, message.turn);
      return;
    case 'cancel':
      return cancel(message.id);
    case 'stop':
      for (const id of sessions.keys()) cancel(id);
      closeLog();
      drafter.stop();
      parent.close();
      return;
    case 'fail':
      throw new Error(message.message);
  }
});
