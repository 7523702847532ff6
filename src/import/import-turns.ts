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
import { Credits } from './credits.ts';
import { type Drafted, type DraftedChunk, readOf } from './drafted.ts';
import { Drafter, type Drafts } from './drafter.ts';
import { type Begin, type FromImporter, type ImportBoot, type ToImporter, WANTED } from './messages.ts';

// A turn ends with the chunk during which a command starts to wait: with this many lines, 4 ms.
const MANY_LINES = 250;
// While commands arrive, a turn is one chunk, of 2 ms once the chunks read earlier are written. A chunk has a fixed
// cost, which with this few lines is a tenth of the total.
const FEW_LINES = 100;
// Existing owners come in runs: at most this many chunks are decided here before another draft is tried. About forty
// are already drafted when the first draft fails.
const MOST_SPARED = 512;
const CROWDED_MS = 500;
// 20 000 lines: after that the file's pages may have to be written back, which no turn should wait for.
const COMMITS_A_TURN = 10;
// Late lines are usually on their way; handing the log over and getting it back takes some milliseconds too.
const LATE_MS = 3;
// 24 MiB: less than a commit of the main thread would write back by itself.
const WRITE_BACK_PAGES = 6144;

type Session = {
  readonly id: number;
  readonly by: By;
  readonly drafts: Drafts;
  /** The turn that it asked for last, from 1. */
  turn: number;
  isInTurn: boolean;
  /** Commits in its turn. */
  commits: number;
  /** How many times it may still write in its turn. */
  readonly go: Credits;
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
/** Drafts in a row that did not hold. */
let misses = 0;
/** Somebody waits for the present turn to end. */
let isWanted = false;
/** The last commit of the present turn, not handed over yet. */
let written: Happened | undefined;

function tell(message: FromImporter): void {
  parent?.postMessage(message);
}

function begin(message: Begin): void {
  const { id, wish } = message;
  const { by } = wish;
  const drafts = drafter.begin(message);
  const session: Session = { id, by, drafts, turn: 0, isInTurn: false, commits: 0, go: new Credits() };
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

/** Waits for late lines within the turn, but not for long. */
async function nextOf(session: Session): Promise<readonly DraftedChunk[] | undefined> {
  const { drafts } = session;
  if (session.isInTurn && !(await drafts.isAtHand(LATE_MS))) handOver(session, true);
  return drafts.take();
}

async function inTurn(session: Session, chunks: readonly DraftedChunk[]): Promise<readonly ChunkResult[]> {
  if (!session.isInTurn) {
    // Waits as long as it had the log, so that others have the log and the disk half of the time.
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

/**
 * Sends the last commit, if any, to be put in force; after the last one of a turn the log is the main thread's again.
 */
function handOver(session: Session, isLast: boolean): void {
  tell({ type: 'wrote', id: session.id, packed: written?.packed, isLast });
  written = undefined;
  if (!isLast) return;
  session.isInTurn = false;
  // This wish was for this turn; other callers of `isCrowded` do not clear it.
  isWanted = false;
  writeBack();
}

/**
 * Writes chunks in one commit until one is refused or others wait for their turn; at least the first, which is
 * readable.
 */
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
    // Releases whatever the log holds of the file, including the write lock.
    closeLog();
    // The chunks before the failing one may still be written; if the commit itself failed, half of them. A chunk that
    // fails alone is reported.
    const written = results.filter(({ type }) => type === 'done').length;
    const fewer = written < chunks.length ? written : chunks.length >> 1;
    if (chunks.length > 1) return writtenOf(chunks.slice(0, Math.max(1, fewer)), by);
    return [refused(chunks[0]!, refusalOf(error))];
  }
}

/** Writes the draft; if it does not hold, decides the chunk here and skips drafts for the next ones. */
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

/** Opening the log may fail; the rejection has the same words as for a log that fails later. */
function refusalOf(error: unknown): Rejection {
  if (error instanceof DataUnusable) return { type: 'log_unavailable', detail: error.message };
  return refusalFor(error);
}

/**
 * Called between turns, since a command waiting for a turn would wait for the disk too. The journal's thread has done
 * most of it.
 */
function writeBack(): void {
  try {
    opened?.log.writeBack(WRITE_BACK_PAGES);
  } catch (error) {
    // The next append will report it.
    if (!(error instanceof LogUnavailable)) throw error;
  }
}

/** An archive may have replaced the log's file since the last turn; during a turn it waits. */
function openLog(): Opened {
  if (opened?.isSwapped() === true) closeLog();
  if (opened !== undefined) return opened;
  const beside = openSqliteLogBeside({ directory, now: Date.now });
  const { log } = beside;
  log.onAppended((happened) => {
    written = happened;
  });
  // No owner is awake on this thread, and nobody else decides during its turn, so there is nothing to wait for.
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

/** A go for a turn that is over is void. */
function hasGo(id: number, turn: number): void {
  const session = sessions.get(id);
  if (session?.isInTurn === true && session.turn === turn) session.go.add();
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
