/** The routers of a simulation: a production ledger each, shared by its workers, and the pool in it. */
import { healthOf } from '../../actors/index.ts';
import {
  attachArena,
  createArena,
  keyOf,
  type Ledger,
  type LedgerRecord,
  type MainLedger,
  type PoolLedger,
} from '../../actors/pool/ledger/index.ts';
import type { PoolSettings } from '../../eventlog/index.ts';
import { readRecords } from '../../test/support/record-reader.ts';
import type { SimulatedRequest } from './request.ts';
import type { Backend, Scenario } from './scenario.ts';

const MAX_WAITING = 1_000_000;

export class Routers {
  readonly #scenario: Scenario;
  readonly #settings: PoolSettings;
  readonly #main: MainLedger;
  readonly #ledgers: readonly Ledger[];
  /** By router and worker. */
  readonly #pools: PoolLedger[][] = [];
  readonly records: LedgerRecord[] = [];

  constructor(scenario: Scenario, settings: PoolSettings, ring: (thread: number) => void) {
    this.#scenario = scenario;
    this.#settings = settings;
    const { workers = 1, record = false } = scenario;
    this.#main = createArena({ threads: workers + 1, ring, record });
    this.#ledgers = Array.from({ length: workers }, () =>
      attachArena(this.#main.shared, this.#main.enlist(), ring),
    );
  }

  async begin(): Promise<void> {
    await this.define(0);
    const { routers = 1 } = this.#scenario;
    for (let router = 0; router < routers; router++)
      this.#pools.push(this.#ledgers.map((ledger) => ledger.pool(poolKey(router))!));
  }

  /** Who has been added by now is in the pool. */
  async define(nowMs: number): Promise<void> {
    const { routers = 1, backends, policy, pool, limit, seed } = this.#scenario;
    const { queue, whenEmpty } = this.#settings;
    const maxWaiting = pool === undefined ? MAX_WAITING : queue.maxWaiting;
    const health = pool === undefined ? {} : { health: healthOf(this.#settings) };
    const rows = backends.filter(({ addedAtMs = 0 }) => addedAtMs <= nowMs).map((each) => rowOf(each, limit));
    for (let router = 0; router < routers; router++) {
      const definition = { policy, maxWaiting, whenEmpty, seed: seed + router, ...health } as const;
      await this.#main.define(poolKey(router), definition, rows, 'widen', { position: 1, nowMs });
    }
  }

  poolOf({ router, worker }: SimulatedRequest): PoolLedger {
    return this.#pools[router]![worker]!;
  }

  /** Workers that share a ledger: what one of them says of a backend holds for all. */
  probed(backendKey: number, nowMs: number, isFailing: boolean): void {
    for (const [pool] of this.#pools) pool!.probed(backendKey, nowMs, isFailing);
  }

  deliver(thread: number): void {
    this.#ledgers[thread - 1]!.deliver();
  }

  drain(): void {
    if (this.#scenario.record !== true) return;
    const reader = readRecords(this.#main.shared);
    for (let thread = 0; thread < reader.threads; thread++)
      reader.drain(thread, (record) => this.records.push(record));
  }
}

function rowOf({ id, weight = 1 }: Backend, limit: number) {
  return { backendKey: keyOf(id), limit, weight, state: 'up', quarantineUntilMs: 0 } as const;
}

function poolKey(router: number): number {
  return keyOf(`pool-${router}`);
}
