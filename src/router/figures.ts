/** The figures of a router: each pool's ledger as it is now, all metrics, and whether its threads are alive. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  keyOf,
  type MainLedger,
  type PoolState,
  type RowStats,
  type System,
  systemClock,
} from '../../actors/index.ts';
import { ByteWriter, parsePoolName } from '../../eventlog/index.ts';
import type { Check, LedgerFigures } from '../admin/index.ts';
import type { Prober } from '../health/index.ts';
import { healthFamilies } from '../telemetry/health-metrics.ts';
import { journalFamilies } from '../telemetry/journal-metrics.ts';
import { capacityFamilies } from '../telemetry/ledger-metrics.ts';
import { gatherMetrics } from '../telemetry/metrics.ts';
import { DELAY_TICK_MS, droppedLinesFamily } from '../telemetry/process-metrics.ts';
import type { Family } from '../telemetry/prometheus.ts';
import { replacementFamilies } from '../telemetry/replacement-metrics.ts';
import { mergeMetrics } from '../telemetry/request-metrics.ts';
import type { StandardOutput } from '../telemetry/standard-output.ts';
import type { Journal, MainPlane, Workers } from '../workers/index.ts';

/** Where the figures come from. */
export type FiguresOptions = {
  readonly version: string;
  readonly system: System;
  readonly ledger: MainLedger;
  readonly workers: Workers | MainPlane;
  readonly journal: Journal | undefined;
  readonly prober: Prober;
  readonly output: StandardOutput;
};

export class Figures {
  readonly #options: FiguresOptions;
  readonly #startedAtMs = Date.now();
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_TICK_MS });

  constructor(options: FiguresOptions) {
    this.#options = options;
  }

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  pool(name: string): LedgerFigures | undefined {
    const { ledger, system } = this.#options;
    const pool = parsePoolName(name);
    const stats = pool.ok ? ledger.pool(keyOf(name))?.stats() : undefined;
    const state = system.owners.pools.lookup(name)?.known?.state as PoolState | undefined;
    if (stats === undefined || state === undefined) return undefined;
    const rows = new Map(stats.rows.map((row) => [row.backendKey, row]));
    const backends = Object.keys(state?.backends ?? {}).flatMap((id) => {
      const row = rows.get(keyOf(id));
      if (row === undefined) return [];
      const limit = row.limit === 0 ? null : row.limit;
      return [[id, { inFlight: row.inFlight, limit, ...stateAt(row, systemClock.now()) }] as const];
    });
    return { waiting: stats.waiting, backends: Object.fromEntries(backends) };
  }

  checkpoint(pool: string): Uint8Array | undefined {
    const packed = new ByteWriter();
    return this.#options.ledger.checkpoint(keyOf(pool), packed) === 0 ? undefined : packed.written().slice();
  }

  async metrics(): Promise<readonly Family[]> {
    const { version, system, workers, prober, journal, output } = this.#options;
    const families = await gatherMetrics({
      version,
      startedAtMs: this.#startedAtMs,
      eventLoopDelay: this.#delay,
      position: () => system.log.position(),
      isWritable: () => system.trouble === undefined,
      actors: () => system.census(),
      requests: async () => mergeMetrics(await workers.metrics()),
      ledgers: () => this.#pools(),
    });
    return [
      ...families,
      ...capacityFamilies(system.capacity.told, system.health.pools()),
      ...healthFamilies(system.health.counts, prober.counts, system.health.pools()),
      droppedLinesFamily(output.dropped),
      ...replacementFamilies(workers.replacements),
      ...journalFamilies(journal?.share.shared, systemClock.now()),
    ];
  }

  /** The main thread answers this, so it is alive; the workers send heartbeats. */
  health(): Check {
    const silent = this.#options.workers.silent();
    if (silent.length === 0) return { ok: true, detail: 'alive' };
    return { ok: false, detail: `worker ${silent.join(', ')} has been silent for seconds` };
  }

  /** A log that cannot be written is reported but does not make the router unready: requests are routed as before. */
  ready(): Check {
    const { system, workers } = this.#options;
    if (workers.serving === 0) return { ok: false, detail: 'no worker accepts connections' };
    const { trouble } = system;
    return {
      ok: true,
      detail: trouble === undefined ? 'ready' : `ready; commands are refused: ${trouble.message}`,
    };
  }

  *#pools() {
    for (const pool of this.#options.system.health.pools()) {
      const figures = this.pool(pool);
      if (figures !== undefined)
        yield { pool, waiting: figures.waiting, backends: Object.values(figures.backends) };
    }
  }
}

/**
 * The state as the next request will find it. A quarantine that is over has ended, even if nobody has recorded its end;
 * an ejection lasts until a request tries the backend.
 */
function stateAt({ state, untilMs }: RowStats, nowMs: number) {
  if (state !== 'quarantined' && state !== 'ejected') return { state };
  if (untilMs > nowMs) return { state, untilMs };
  return { state: state === 'ejected' ? state : 'up' };
}
