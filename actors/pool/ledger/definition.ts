/** What a pool's owner tells the ledger: how the pool is to be, and which rows it has. */
import type { PolicyName } from '../policy/policies.ts';

export interface PoolDefinition {
  readonly policy: PolicyName;
  readonly maxWaiting: number;
  readonly whenEmpty: 'refuse' | 'hold';
  /** Seed of the pool's random numbers; only used when its ledger is made. */
  readonly seed: number;
  /** Absent: health is not judged. */
  readonly health?: HealthDefinition;
}

/** How the health of a pool's backends is judged; all 0: it is not. */
export interface HealthDefinition {
  /** Failures within the window that make an outlier; 0: none do. */
  readonly failures: number;
  readonly windowMs: number;
  readonly maxEjectedPercent: number;
  /** How long the first ejection lasts; each one in a row lasts twice as long, up to the longer of this and a minute. */
  readonly quarantineMs: number;
  /** 0: none. */
  readonly slowStartMs: number;
}

/** An ejection known from before the backend had its row. */
export interface KnownEjection {
  readonly route: number;
  readonly untilMs: number;
  readonly level: number;
}

export interface RowDefinition {
  readonly backendKey: number;
  /** Concurrent leases; 0: no limit. */
  readonly limit: number;
  readonly weight: number;
  readonly state: 'up' | 'starting' | 'draining';
  /**
   * Key of its address. What was known of a backend is forgotten when its address changes, even while leases on the old
   * one are out. Absent: it never moves.
   */
  readonly place?: number;
  /** 0: none. It never shortens a quarantine that the ledger has. */
  readonly quarantineUntilMs: number;
  /** Applied when the backend gets its row; from then on the ledger knows better. */
  readonly ejections?: readonly KnownEjection[];
  /** Its probes failed when they last reported; applied like `ejections`. */
  readonly isFailing?: boolean;
}

export interface Change {
  /** Position in the event log of the event that made the change. */
  readonly position: number;
  readonly nowMs: number;
}
