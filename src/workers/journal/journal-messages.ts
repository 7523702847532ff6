/** The messages between the main thread and the journal's thread. */
import type { LedgerShared } from '../../../actors/index.ts';
import type { JournalShared, Vocabulary } from '../../../eventlog/index.ts';

export type JournalBoot = {
  /** The data directory, which holds the log. */
  readonly data: string;
  /** The directory of the segments. */
  readonly directory: string;
  readonly shared: JournalShared;
  readonly ledger: LedgerShared;
  /** The words that request records use, so that this thread need not load the code that defines them. */
  readonly vocabulary: Vocabulary;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Another process also writes the journal for a while. */
  readonly isBeside: boolean;
};

export type ToJournal =
  /** Commit everything in the rings, and answer. */
  | { readonly type: 'flush'; readonly id: number }
  | { readonly type: 'stop' }
  /** Fail as a bug would. */
  | { readonly type: 'fail'; readonly message: string };

export type FromJournal =
  /** `isAll`: everything recorded before the question is on disk. */
  | { readonly type: 'flushed'; readonly id: number; readonly isAll: boolean }
  /** Whether the log's pages are now written back on this thread. */
  | { readonly type: 'writes_back'; readonly is: boolean }
  | { readonly type: 'warning'; readonly message: string };
