/**
 * Requests whose pool has no ledger yet, because nobody has used it, or not for long: the main thread makes one, and
 * those that have not ended meanwhile continue.
 */
import type { Outcome } from '../../../actors/index.ts';
import type { PoolRoute } from '../routing-table.ts';

/** A request that waits for its pool's ledger. */
export interface Sleeper {
  /** How often it has waited. */
  wakes: number;
  readonly outcome: Outcome | undefined;
  readonly client: { deadlineAt(atMs: number): void };
  /** The wait is over. */
  goOn(): void;
  crashed(error: unknown): void;
}

// 5 s: a restarting owner is back within a second; for a parked one the answer comes at once.
const PATIENCE_MS = 5000;
// A ledger may be freed just when it is asked for; but only after a minute without use, so never twice in a row.
const TIMES = 3;

export class Wakes {
  readonly #ask: ((pool: string) => void) | undefined;
  readonly #waiting = new Map<string, Sleeper[]>();

  /** `ask` lets the main thread create the ledger and then call `woken`; undefined: all ledgers exist from the start. */
  constructor(ask: ((pool: string) => void) | undefined) {
    this.#ask = ask;
  }

  /** The sleeper will be called when its pool's ledger exists. False: the wait would be in vain. */
  wait(sleeper: Sleeper, pool: PoolRoute, nowMs: number): boolean {
    if (this.#ask === undefined || sleeper.wakes === TIMES) return false;
    sleeper.wakes += 1;
    sleeper.client.deadlineAt(nowMs + PATIENCE_MS);
    const others = this.#waiting.get(pool.name);
    if (others !== undefined) others.push(sleeper);
    else {
      this.#waiting.set(pool.name, [sleeper]);
      this.#ask(pool.name);
    }
    return true;
  }

  woken(pool: string): void {
    const waiting = this.#waiting.get(pool) ?? [];
    this.#waiting.delete(pool);
    for (const sleeper of waiting) {
      if (sleeper.outcome !== undefined) continue;
      try {
        sleeper.goOn();
      } catch (error) {
        sleeper.crashed(error);
      }
    }
  }
}
