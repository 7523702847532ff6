/**
 * Looks at all pools regularly and has it recorded when one has wanted more backends for a while: the hook by which a
 * platform can start them.
 */
import type { CapacityWant, PoolName } from '../../eventlog/index.ts';
import {
  type ChildContext,
  type ChildSpec,
  type Clock,
  crashed,
  type Running,
} from '../supervision/index.ts';
import { Demand, LOOK_MS, type Supply, type Want } from './capacity.ts';
import { keyOf, type MainLedger, type PoolStats } from './ledger/index.ts';
import type { PoolState } from './pool-state.ts';

export type CapacityWatchOptions = {
  readonly ledger: MainLedger;
  readonly clock: Clock;
  /** Records the want if that is possible; a want that persists is reported again. */
  readonly record: (pool: PoolName, want: CapacityWant) => void;
};

type Looked = { readonly demand: Demand; refused: number; waiting: number };

export class CapacityWatch {
  readonly #options: CapacityWatchOptions;
  readonly #names = new Map<number, PoolName>();
  /** The count of refused requests at the last look, of every pool. */
  readonly #refused = new Map<number, number>();
  /** Only pools that are under pressure, or were recently. */
  readonly #pressed = new Map<number, Looked>();
  readonly #told = new Map<PoolName, number>();

  constructor(options: CapacityWatchOptions) {
    this.#options = options;
  }

  /** Keeps the names of pools, which the ledger only knows by their keys. */
  follow(pool: PoolName, state: PoolState): void {
    const key = keyOf(pool);
    if (state !== null) this.#names.set(key, pool);
    else {
      this.#names.delete(key);
      this.#refused.delete(key);
      this.#pressed.delete(key);
      this.#told.delete(pool);
    }
  }

  /** How often each pool has reported that it wants more. */
  get told(): ReadonlyMap<PoolName, number> {
    return this.#told;
  }

  childSpec(): ChildSpec {
    return {
      id: 'capacity',
      kind: 'capacity',
      restart: 'permanent',
      shutdownMs: 'brutal',
      start: (context) => this.#start(context),
    };
  }

  #start(context: ChildContext): Running {
    const { clock } = this.#options;
    let cancel = clock.setTimer(turn, LOOK_MS);
    const look = () => this.#look();
    function turn() {
      try {
        look();
        cancel = clock.setTimer(turn, LOOK_MS);
      } catch (error) {
        context.exited(crashed(error));
      }
    }
    return {
      stop: () => cancel(),
      crash: (error) => {
        cancel();
        context.exited(crashed(error));
      },
    };
  }

  #look(): void {
    const { ledger, clock } = this.#options;
    const nowMs = clock.now();
    ledger.pressures((key, waiting, refused) => this.#see(key, waiting, refused));
    for (const [key, { demand, waiting, refused }] of this.#pressed) {
      const pool = this.#names.get(key);
      if (pool !== undefined) this.#judge(pool, key, demand, { waiting, refused }, nowMs);
      if (demand.isOver(nowMs)) this.#pressed.delete(key);
    }
  }

  #see(key: number, waiting: number, refused: number): void {
    const looked = this.#pressed.get(key);
    const before = this.#refused.get(key) ?? 0;
    this.#refused.set(key, refused);
    if (looked !== undefined) Object.assign(looked, { waiting, refused });
    else if (waiting > 0 || refused !== before)
      this.#pressed.set(key, { demand: new Demand(before), waiting, refused });
  }

  #judge(
    pool: PoolName,
    key: number,
    demand: Demand,
    pressure: { waiting: number; refused: number },
    nowMs: number,
  ) {
    const stats = () => this.#options.ledger.pool(key)?.stats() ?? NOTHING;
    const want = demand.look(pressure, nowMs, () => supplyOf(stats()));
    if (want === undefined) return;
    this.#told.set(pool, (this.#told.get(pool) ?? 0) + 1);
    this.#options.record(pool, wantOf(want, stats()));
  }
}

const NOTHING: PoolStats = { waiting: 0, refused: 0, rows: [] };

function supplyOf({ rows }: PoolStats): Supply {
  const present = rows.filter(({ state }) => state !== 'removed');
  const up = present.filter(({ state }) => state === 'up');
  const limited = up.every(({ limit }) => limit > 0);
  return {
    backends: present.length,
    up: up.length,
    limit: limited ? up.reduce((sum, { limit }) => sum + limit, 0) : null,
  };
}

function wantOf({ cause, refused, forMs }: Want, stats: PoolStats): CapacityWant {
  return {
    cause,
    forMs: Math.round(forMs),
    waiting: stats.waiting,
    refused,
    inFlight: stats.rows.reduce((sum, { inFlight }) => sum + inFlight, 0),
    ...supplyOf(stats),
    starting: stats.rows.filter(({ state }) => state === 'starting').length,
  };
}
