/**
 * What an answerer works with: the log and the journal, read in short transactions, and whether anybody still wants
 * the answer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalReader, LogInspection, LogReader, Points } from '../../eventlog/index.ts';

export type Room = {
  /** The data directory, if the log is in one. */
  readonly directory: string | undefined;
  /** Reads one file, even if an archive swaps the log meanwhile. */
  readonly log: LogReader & LogInspection;
  /** Whole states of the past; undefined if there is no place to store them. */
  readonly points: () => Points | undefined;
  /** Opened on first use; empty if there is none. */
  readonly journal: () => JournalReader;
  /** The parts of the journal that could not be read so far. */
  readonly damage: () => readonly string[];
  /** Called when the answer is complete or no longer wanted: nothing more will be read. */
  readonly leave?: () => void;
  /** Where another process can read the log and journal too: the directory, or the one file. */
  readonly place?: string;
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called between pages: gives the thread's other questions their turn, and throws once nobody wants the answer. */
  readonly breathe: () => Promise<void>;
};

export type Sources = Pick<
  Room,
  'place' | 'directory' | 'log' | 'points' | 'journal' | 'damage' | 'leave' | 'now'
>;

// 5 ms: a delay that the thread's other questions can bear, and longer than a page takes.
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
