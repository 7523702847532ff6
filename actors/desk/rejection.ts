/** Why a command is refused: a value with a stable word, to which `problem.ts` gives a status. */
import type { BackendId, Recorded } from '../../eventlog/index.ts';

export type Rejection =
  | { readonly type: 'domain_not_found' | 'pool_not_found' | 'backend_not_found'; readonly detail: string }
  /** A domain would name a pool that does not exist. */
  | { readonly type: 'pool_unknown'; readonly detail: string }
  | { readonly type: 'pool_in_use'; readonly detail: string; readonly domains: readonly string[] }
  | {
      readonly type: 'version_mismatch';
      readonly detail: string;
      readonly expected: number;
      readonly found: number;
      readonly won: readonly Recorded[];
      /** The version is that of a backend, so events of other backends of its pool are not in `won`. */
      readonly backend?: BackendId;
    }
  | { readonly type: 'idempotency_key_reused'; readonly detail: string }
  | { readonly type: 'too_many_changes' | 'too_many_removals'; readonly detail: string }
  /** Another pool has its key: one of the two needs another name. */
  | { readonly type: 'pool_clash'; readonly detail: string }
  | { readonly type: 'backend_limit'; readonly detail: string }
  /** The owner is being restarted and did not come back in time; the same command may be repeated. */
  | { readonly type: 'owner_unavailable'; readonly detail: string; readonly retryAfterMs: number }
  | { readonly type: 'log_unavailable' | 'log_full'; readonly detail: string };

export type RejectionType = Rejection['type'];
