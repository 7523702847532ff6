/**
 * Requests whose pool has no ledger yet, because nobody has used it, or not for long: the main thread makes one, and
 * those that have not ended meanwhile continue.
 */
import type { Outcome } from '../../../actors/index.ts';
import type { PoolRoute } from '../routing-table.ts';

/** A request that waits here. */
export interface Sleeper {
  /** How often it has. */
  wakes: number;
  readonly outcome: Outcome | undefined;
  readonly client: { deadlineAt(atMs: number): void };
  /** Its pool's ledger is there. */
  goOn(): void;
  crashed(error: unknown): void;
}

// 5 s: an owner that restarts is back within a second; one that is parked answers at once that it is.
const PATIENCE_MS = 5000;
// A ledger may be freed just when it was asked for. It is freed only after a minute of rest, so never twice in a row.
const TIMES = 3;

export class Wakes {
  readonly #ask: ((pool: string) => void) | undefined;
  readonly #waiting = new Map<string, Sleeper[]>();

  /** `ask`: has the main thread make it, and then call `woken`; undefined: all ledgers are there from the start. */
  constructor(ask: ((pool: string) => void) | undefined) {
    this.#ask = ask;
  }

  /** It is called again when its pool's ledger is there. False: it never will be. */
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
