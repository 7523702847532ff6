/** The messages between the main thread and the journal's thread. */
import type { LedgerShared } from '../../../actors/index.ts';
import type { JournalShared, Vocabulary } from '../../../eventlog/index.ts';

export type JournalBoot = {
  /** The data directory, where the log lies. */
  readonly data: string;
  /** Where the segments lie. */
  readonly directory: string;
  readonly shared: JournalShared;
  readonly ledger: LedgerShared;
  /** The words that requests use, so that this thread need not load what knows them. */
  readonly vocabulary: Vocabulary;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Another process goes on writing the journal for a while. */
  readonly isBeside: boolean;
};

export type ToJournal =
  /** Commit what there is now, and say so. */
  | { readonly type: 'flush'; readonly id: number }
  | { readonly type: 'stop' }
  /** Fail as a bug would. */
  | { readonly type: 'fail'; readonly message: string };

export type FromJournal =
  /** `isAll`: nothing of before the question is missing on disk. */
  | { readonly type: 'flushed'; readonly id: number; readonly isAll: boolean }
  /** From now on the log's pages are written back on this thread, or no longer. */
  | { readonly type: 'writes_back'; readonly is: boolean }
  | { readonly type: 'warning'; readonly message: string };
