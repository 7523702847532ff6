/**
 * Requests for pools whose ledger is not there yet, since nobody asked for them before, or for long: the main thread makes it,
 * and then they go on. Whoever leaves meanwhile is not gone on with.
 */
import type { Exchange } from './exchange.ts';
import type { PoolRoute } from './routing-table.ts';

// 5 s: an owner that restarts is back within a second; one that is parked answers at once that it is.
const PATIENCE_MS = 5000;
// A ledger may be freed just when it was asked for. It is freed only after a minute of rest, so never twice in a row.
const TIMES = 3;

export class Wakes {
  readonly #ask: ((pool: string) => void) | undefined;
  readonly #waiting = new Map<string, Exchange[]>();

  /** `ask`: has the main thread make it, and then call `woken`; undefined: all ledgers are there from the start. */
  constructor(ask: ((pool: string) => void) | undefined) {
    this.#ask = ask;
  }

  /** The exchange is called again, by `goOn`, when its pool's ledger is there. False: it never will be. */
  wait(exchange: Exchange, pool: PoolRoute, nowMs: number): boolean {
    if (this.#ask === undefined || exchange.wakes === TIMES) return false;
    exchange.wakes += 1;
    exchange.client.deadlineAt(nowMs + PATIENCE_MS);
    const others = this.#waiting.get(pool.name);
    if (others !== undefined) others.push(exchange);
    else {
      this.#waiting.set(pool.name, [exchange]);
      this.#ask(pool.name);
    }
    return true;
  }

  woken(pool: string): void {
    const waiting = this.#waiting.get(pool) ?? [];
    this.#waiting.delete(pool);
    for (const exchange of waiting) if (exchange.outcome === undefined) exchange.goOn();
  }
}
