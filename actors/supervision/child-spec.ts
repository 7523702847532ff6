/** A child as its supervisor knows it: how to start it, how it reports its end, how to stop it. */
import type { Branch } from './actor-info.ts';

/** permanent: always restarted; transient: only after a crash; temporary: never. */
export type Restart = 'permanent' | 'transient' | 'temporary';

/** How a child ended by itself. Being stopped by its supervisor is not such an end. */
export type ChildEnd = { readonly type: 'normal' } | { readonly type: 'crashed'; readonly error: unknown };

/** shutdown: finish what must be finished, within the shutdown time; kill: let go of everything now. */
export type StopReason = 'shutdown' | 'kill';

export interface Running {
  /**
   * Ends the child, which is gone when this returns or resolves. `kill` may follow an unfinished `shutdown`, and either may
   * come after the child has ended: then there is nothing to do.
   */
  stop(reason: StopReason): void | Promise<void>;
  /** Fails as a bug would: the child is expected to call `exited`. If absent, the child is killed instead. */
  crash?(error: Error): void;
  /** The children of a supervisor. */
  readonly branch?: Branch;
}

/** What a child is given for one life; the next life gets another one. */
export interface ChildContext {
  readonly id: string;
  readonly kind: string;
  /**
   * Aborted when the start is no longer wanted (a stop, a time-out, a crash elsewhere). A slow start should heed it: what
   * it still starts is killed on arrival.
   */
  readonly signal: AbortSignal;
  /** The child ended by itself. Only the first call of a life counts; calls after a stop change nothing. */
  exited(this: ChildContext, end: ChildEnd): void;
}

export type Start<R extends Running = Running> = (context: ChildContext) => R | Promise<R>;

/** `brutal`: killed at once. Infinity: as long as it takes, which is right for supervisors. */
export type ShutdownTime = number | 'brutal';

export type ChildSpec = {
  /** Unique in the whole tree: chaos and operators name the child by it. */
  readonly id: string;
  readonly kind: string;
  readonly restart: Restart;
  /**
   * Requests go on without it: whatever made it crash, it is parked and tried again with back-off, and counts against no
   * window. Only for children of a static supervisor.
   */
  readonly isDispensable?: boolean;
  readonly shutdownMs: ShutdownTime;
  /** How long a start may take; no limit if absent, as in OTP. */
  readonly startLimitMs?: number;
  readonly start: Start;
};

export const NORMAL: ChildEnd = { type: 'normal' };

export function crashed(error: unknown): ChildEnd {
  return { type: 'crashed', error };
}

/** Whether a child that ended like this is restarted. */
export function isRestarted(restart: Restart, end: ChildEnd): boolean {
  if (restart === 'temporary') return false;
  return restart === 'permanent' || end.type === 'crashed';
}

/** A start took longer than its limit. */
export class StartTimedOut extends Error {
  override readonly name = 'StartTimedOut';
  readonly code = 'start_timed_out';
  constructor(id: string, limitMs: number) {
    super(`expected ${id} to start within ${limitMs} ms, found it still starting`);
  }
}
