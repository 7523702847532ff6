/** Leases from before the beginning: not counted, but in flight until they are returned. */
import type { PoolCheckpoint } from '../../../actors/index.ts';
import type { Tally } from './tally.ts';

export class EarlierLeases {
  readonly #sinceMs: number;
  readonly #tally: Tally;
  /** By thread and backend. */
  readonly #out = new Map<string, { readonly thread: number; readonly backendKey: number; count: number }>();

  constructor(rows: PoolCheckpoint['rows'], sinceMs: number, tally: Tally) {
    this.#sinceMs = sinceMs;
    this.#tally = tally;
    for (const { backendKey, inFlight } of rows)
      for (const [thread, count] of inFlight) {
        this.#out.set(`${thread} ${backendKey}`, { thread, backendKey, count });
        for (let lease = 0; lease < count; lease++) tally.held(backendKey);
      }
  }

  returned(thread: number, backendKey: number, atMs: number): void {
    const out = this.#out.get(`${thread} ${backendKey}`);
    if (out === undefined || out.count === 0) return;
    out.count -= 1;
    this.#tally.back(backendKey, Math.max(0, atMs - this.#sinceMs), undefined);
  }

  /** The leases of a thread that died. */
  lost(dead: number, atMs: number): void {
    for (const { thread, backendKey, count } of [...this.#out.values()])
      if (thread === dead)
        for (let lease = 0; lease < count; lease++) this.returned(thread, backendKey, atMs);
  }

  /** Ends the leases that are still out. */
  end(atMs: number): void {
    for (const { thread } of [...this.#out.values()]) this.lost(thread, atMs);
  }
}
