/**
 * What an answerer works with: the log and the journal, read in short transactions, and whether anybody still wants
 * the answer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalReader, LogInspection, LogReader, Points } from '../../eventlog/index.ts';

export type Room = {
  /** The data directory, if the log is in one. */
  readonly directory: string | undefined;
  /** Of one file, whatever an archive does meanwhile. */
  readonly log: LogReader & LogInspection;
  /** Whole states of the past; undefined where there is no place to keep them. */
  readonly points: () => Points | undefined;
  /** Opened when it is first wanted; empty where there is none. */
  readonly journal: () => JournalReader;
  /** What of the journal could not be read so far. */
  readonly damage: () => readonly string[];
  /** The answer is out, or nobody wants it: nothing of this is read any more. */
  readonly leave?: () => void;
  /** Where another process can read log and journal too: the directory, or the one file. */
  readonly place?: string;
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Between pages: lets the thread's other questions have their turn, and throws once nobody wants the answer. */
  readonly breathe: () => Promise<void>;
};

export type Sources = Pick<
  Room,
  'place' | 'directory' | 'log' | 'points' | 'journal' | 'damage' | 'leave' | 'now'
>;

// 5 ms: what the others of this thread can wait for, and more than a page takes.
const TURN_MS = 5;

export function roomOf(sources: Sources, signal: AbortSignal): Room {
  let sinceMs = performance.now();
  const breathe = async () => {
    signal.throwIfAborted();
    if (performance.now() - sinceMs < TURN_MS) return;
    await nextTurn();
    signal.throwIfAborted();
    sinceMs = performance.now();
  };
  return { ...sources, signal, breathe };
}
