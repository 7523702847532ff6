/**
 * Puts pools to sleep when many are awake: those whose ledger nobody has used for 20 s, or for 2 s if far too many are
 * awake. A sleeping pool has no actors and no ledger; its next request or command wakes it.
 */
import type { PoolName } from '../../eventlog/index.ts';

/** The pools, as needed to put them to sleep. */
export interface Pools {
  awake(): Iterable<PoolName>;
  readonly awakeCount: number;
  /** Stays the same as long as nobody uses the pool's ledger. */
  ticket(pool: PoolName): number;
  sleep(pool: PoolName, ticket: number): Promise<boolean>;
}

export type PassivationOptions = {
  /** How many may stay awake without being used. */
  readonly most: () => number;
  readonly now: () => number;
  readonly pools: Pools;
};

// Waking a pool takes less than a millisecond, and the memory of one that sleeps early goes with the next garbage
// collection.
const IDLE_MS = 20_000;
const CROWDED_IDLE_MS = 2000;
// Times `most`.
const CROWDED = 4;
// A look takes some microseconds per pool, and putting one to sleep some tens.
const LOOKS = 2000;

export class Passivation {
  readonly #options: PassivationOptions;
  readonly #rests = new Map<PoolName, { ticket: number; sinceMs: number }>();
  #looking: Iterator<PoolName> | undefined;

  constructor(options: PassivationOptions) {
    this.#options = options;
  }

  /** Call it about every second; it goes on where the last look ended. */
  async look(): Promise<void> {
    const { pools } = this.#options;
    const most = this.#options.most();
    for (let looks = 0; looks < LOOKS && pools.awakeCount > most; looks += 1) {
      this.#looking ??= pools.awake()[Symbol.iterator]();
      const next = this.#looking.next();
      if (next.done === true) {
        this.#looking = undefined;
        this.#forget();
        return;
      }
      await this.#consider(next.value, most);
    }
  }

  async #consider(pool: PoolName, most: number): Promise<void> {
    const { pools, now } = this.#options;
    const nowMs = now();
    const ticket = pools.ticket(pool);
    const rest = this.#rests.get(pool);
    if (rest?.ticket !== ticket) {
      this.#rests.set(pool, { ticket, sinceMs: nowMs });
      return;
    }
    const idleMs = pools.awakeCount > CROWDED * most ? CROWDED_IDLE_MS : IDLE_MS;
    if (nowMs - rest.sinceMs >= idleMs && (await pools.sleep(pool, ticket))) this.#rests.delete(pool);
  }

  /** Forgets pools that were removed. */
  #forget(): void {
    const awake = new Set(this.#options.pools.awake());
    for (const pool of this.#rests.keys()) if (!awake.has(pool)) this.#rests.delete(pool);
  }
}
