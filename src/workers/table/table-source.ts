/** Where a table reads what it does not hold. */
import type { LogReader } from '../../../eventlog/index.ts';
import type { PoolRoute } from '../../proxy/index.ts';
import type { NameIndex } from './name-index.ts';

export type TableSource = {
  readonly names: NameIndex;
  readonly reader: LogReader;
  /** Opens the present log file, since an archive replaces it. */
  readonly reopened: () => TableSource;
  /** Whether the count, `names` and what was applied here are of the same moment. */
  readonly isLevel: () => boolean;
  /** Waits a little for the main thread, which is in the middle of publishing. */
  readonly pause: () => void;
  readonly warn: (error: Error) => void;
  /** A request waits for one of its backends, or has one. */
  readonly isBusy: (pool: PoolRoute) => boolean;
  /** The pool was not used for a while and has been let go. */
  readonly passivated: (pool: PoolRoute) => void;
};
