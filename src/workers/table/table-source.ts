/** Where a table reads what it does not hold. */
import type { LogReader } from '../../../eventlog/index.ts';
import type { PoolRoute } from '../../proxy/index.ts';
import type { NameIndex } from './name-index.ts';

export type TableSource = {
  readonly names: NameIndex;
  readonly reader: LogReader;
  /** The file that is the log now: an archive puts another in its place. */
  readonly reopened: () => TableSource;
  /** Whether what was published, what `names` says, and what was applied here are all of the same moment. */
  readonly isLevel: () => boolean;
  /** Waits a little for the main thread, which is between two of its steps. */
  readonly pause: () => void;
  readonly warn: (error: Error) => void;
  /** Somebody waits for one of its backends. */
  readonly isBusy: (pool: PoolRoute) => boolean;
  /** Nobody has asked for it for long. */
  readonly passivated: (pool: PoolRoute) => void;
};
