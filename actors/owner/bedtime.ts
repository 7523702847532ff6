/**
 * Sends pools to sleep, when many are awake: those whose ledger nobody has used for 20 s, or for two where far too
 * many are awake. A pool that sleeps has no actors and no ledger; its next request, or command, wakes it.
 */
import type { PoolName } from '../../eventlog/index.ts';

/** The pools as they are put to bed. */
export interface Pools {
  awake(): Iterable<PoolName>;
  readonly awakeCount: number;
  /** The same as long as nobody uses its ledger. */
  ticket(pool: PoolName): number;
  sleep(pool: PoolName, ticket: number): Promise<boolean>;
}

export type BedtimeOptions = {
  /** As many may stay awake without being used. */
  readonly most: number;
  readonly now: () => number;
  readonly pools: Pools;
};

// To wake one again takes less than a millisecond, and what sleeps early goes with the next collection of garbage.
const IDLE_MS = 20_000;
const CROWDED_IDLE_MS = 2000;
// Times what may stay awake.
const CROWDED = 4;
// Each takes some microseconds to look at, and some tens to put to bed.
const LOOKS = 2000;

export class Bedtime {
  readonly #options: BedtimeOptions;
  readonly #rests = new Map<PoolName, { ticket: number; sinceMs: number }>();
  #looking: Iterator<PoolName> | undefined;

  constructor(options: BedtimeOptions) {
    this.#options = options;
  }

  /** To be called every second or so; it goes on where the last look ended. */
  async look(): Promise<void> {
    const { pools, most } = this.#options;
    for (let looks = 0; looks < LOOKS && pools.awakeCount > most; looks += 1) {
      this.#looking ??= pools.awake()[Symbol.iterator]();
      const next = this.#looking.next();
      if (next.done === true) {
        this.#looking = undefined;
        this.#forget();
        return;
      }
      await this.#consider(next.value);
    }
  }

  async #consider(pool: PoolName): Promise<void> {
    const { pools, most, now } = this.#options;
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

  /** Pools that were removed are not remembered. */
  #forget(): void {
    const awake = new Set(this.#options.pools.awake());
    for (const pool of this.#rests.keys()) if (!awake.has(pool)) this.#rests.delete(pool);
  }
}
