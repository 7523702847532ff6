/** What was decided again and what was recorded, and that they differ. */
import type { LedgerRecord } from '../record/record.ts';
import { OP } from '../record/record-layout.ts';

/** A decision, in words and in the ledger's numbers. */
export type Verdict = {
  readonly word: string;
  readonly backendKey?: number;
  readonly waiter?: number;
};

/** The ledger recorded something other than what its code decides. */
export type Difference = {
  readonly ticket: number;
  readonly op: LedgerRecord['op'];
  readonly nowMs: number;
  readonly thread: number;
  /** What is wrong, in a few words. */
  readonly cause: string;
  readonly decided: Verdict;
  readonly recorded: Verdict;
};

export type Of<Op extends LedgerRecord['op']> = Extract<LedgerRecord, { op: Op }>;
export type OfRow = { readonly row: number; readonly backendKey: number; readonly epoch: number };

// Thrown to leave the current step; it never leaves the replayed pool.
export class Differs extends Error {
  readonly cause_: string;
  readonly decided: Verdict;
  readonly recorded: Verdict;
  constructor(cause: string, decided: Verdict, recorded: Verdict) {
    super(cause);
    this.cause_ = cause;
    this.decided = decided;
    this.recorded = recorded;
  }
}

const WORDS = {
  start: 'started',
  settings: 'set',
  row: 'placed',
  drop: 'dropped',
  checkout: 'leased',
  enqueue: 'queued',
  refuse: 'refused',
  grant: 'granted',
  checkin: 'given back',
  leave: 'left',
  quarantine: 'quarantined',
  expire: 'expired',
  reap: 'reaped',
  health: 'judged so',
  eject: 'ejected',
  withhold: 'withheld',
  trial: 'to be tried',
  release: 'let back',
  probe: 'probed',
} as const satisfies Record<LedgerRecord['op'], string>;

export const CONSEQUENCES: Readonly<Record<number, string>> = {
  [OP.eject]: WORDS.eject,
  [OP.withhold]: WORDS.withhold,
  [OP.release]: WORDS.release,
};

/** What the record says was decided. */
export function verdictOf(record: LedgerRecord): Verdict {
  return {
    word: record.op === 'refuse' ? record.refusal : WORDS[record.op],
    ...('backendKey' in record ? { backendKey: record.backendKey } : {}),
    ...('waiter' in record ? { waiter: record.waiter } : {}),
  };
}
