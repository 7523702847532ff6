/** Which pools a tenant's domain may be in at a moment: a change is in force from its answer on, and perhaps from its asking. */
import type { Attempt } from './book.ts';
import { poolsOf, type Tenant } from './tenants.ts';

type Move = {
  readonly tenant: Tenant;
  readonly pool: string;
  readonly askedAtMs: number;
  answeredAtMs: number;
};

export class Homes {
  readonly #moves: Move[] = [];

  /** What is returned is called with the answer. */
  move(tenant: Tenant, pool: string): () => void {
    const move: Move = {
      tenant,
      pool,
      askedAtMs: performance.now(),
      answeredAtMs: Number.POSITIVE_INFINITY,
    };
    this.#moves.push(move);
    return () => {
      move.answeredAtMs = performance.now();
    };
  }

  /** Of a request whose head was sent at some moment before its attempts; undefined: it has none. */
  possible(tenant: Tenant, attempts: readonly Attempt[], sentAtMs: number): ReadonlySet<string> | undefined {
    const first = attempts[0];
    if (first === undefined) return undefined;
    let settled: string = poolsOf(tenant)[0];
    const possible = new Set<string>();
    for (const move of this.#moves) {
      if (move.tenant !== tenant || move.askedAtMs > first.atMs) continue;
      if (move.answeredAtMs > sentAtMs) possible.add(move.pool);
      else settled = move.pool;
    }
    return possible.add(settled);
  }
}
