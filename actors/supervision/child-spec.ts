/** A child as its supervisor knows it: how it is started, how it says that it ended, how it is made to stop. */
import type { Branch } from './actor-info.ts';

/**
 * permanent: always started again; transient: only after a crash; temporary: never.
 */
export type Restart = 'permanent' | 'transient' | 'temporary';

/** How a child ended by itself. Being stopped by its supervisor is no such end. */
export type ChildEnd = { readonly type: 'normal' } | { readonly type: 'crashed'; readonly error: unknown };

/** shutdown: finish what must be finished, within the shutdown time; kill: let go of everything now. */
export type StopReason = 'shutdown' | 'kill';

export interface Running {
  /**
   * Ends the child; it is gone when this returns or resolves. `kill` may follow an unfinished `shutdown`, and
   * either may come after the child ended: then there is nothing to do.
   */
  stop(reason: StopReason): void | Promise<void>;
  /** Fails as a bug would: the child is expected to say `exited`. Without it, the child is killed instead. */
  crash?(error: Error): void;
  /** A supervisor's own children. */
  readonly branch?: Branch;
}

/** What a child is given for one life; the next life gets another. */
export interface ChildContext {
  readonly id: string;
  readonly kind: string;
  /**
   * Aborted when the start is no longer wanted (a stop, a time-out, a crash elsewhere). A start that is slow
   * should heed it: what still comes of it is killed on arrival.
   */
  readonly signal: AbortSignal;
  /** The child ended by itself. Counted once a life; later calls, and calls after a stop, change nothing. */
  exited(this: ChildContext, end: ChildEnd): void;
}

export type Start<R extends Running = Running> = (context: ChildContext) => R | Promise<R>;

/** `brutal`: killed at once. Infinity: as long as it takes, which is right for supervisors. */
export type ShutdownTime = number | 'brutal';

export type ChildSpec = {
  /** Unique in the whole tree: it is how chaos and people name it. */
  readonly id: string;
  readonly kind: string;
  readonly restart: Restart;
  /**
   * Requests go on without it: whatever made it crash, it is parked and tried again with back-off, and that counts against no
   * window. Only of children of a static supervisor.
   */
  readonly isDispensable?: boolean;
  readonly shutdownMs: ShutdownTime;
  /** How long a start may take; for ever when absent, as in OTP. */
  readonly startLimitMs?: number;
  readonly start: Start;
};

export const NORMAL: ChildEnd = { type: 'normal' };

export function crashed(error: unknown): ChildEnd {
  return { type: 'crashed', error };
}

/** Whether a child that ended like this is started again. */
export function isRestarted(restart: Restart, end: ChildEnd): boolean {
  if (restart === 'temporary') return false;
  return restart === 'permanent' || end.type === 'crashed';
}

/** A start that took longer than its limit. */
export class StartTimedOut extends Error {
  override readonly name = 'StartTimedOut';
  readonly code = 'start_timed_out';
  constructor(id: string, limitMs: number) {
    super(`expected ${id} to start within ${limitMs} ms, found it still starting`);
  }
}
