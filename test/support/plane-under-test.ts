/** A whole data plane in this thread, over a real ledger, with its routing given as a plain value. */

import {
  attachArena,
  createArena,
  healthOf,
  keyOf,
  type MainLedger,
  type RequestObserver,
} from '../../actors/index.ts';
import {
  completeBackend,
  completeDomain,
  completePool,
  type PoolName,
  type SparsePool,
} from '../../eventlog/index.ts';
import { type ListenerSettings, listenerSettings } from '../../src/config/process.ts';
import {
  type BackendRoute,
  createPlane,
  type DomainFeatures,
  type DomainRoute,
  type Headcount,
  PLAIN,
  type PlaneReport,
  type PoolRoute,
  type RoutingPlane,
} from '../../src/proxy/index.ts';
import { AccessLog } from '../../src/telemetry/access-log.ts';
import { RequestMetrics } from '../../src/telemetry/request-metrics.ts';
import { RawClient } from './raw-client.ts';

export type BackendWish = {
  readonly port: number;
  readonly host?: string;
  readonly path?: string;
  readonly maxConcurrency?: number;
  readonly state?: 'up' | 'starting' | 'draining';
};

export type PlaneWish = {
  readonly backends?: Readonly<Record<string, BackendWish>>;
  readonly pool?: SparsePool;
  readonly features?: Partial<DomainFeatures>;
  readonly listener?: DeepPartial<ListenerSettings>;
  readonly domain?: string;
  readonly tickMs?: number;
  readonly ownReads?: boolean;
  readonly mostToBackends?: number;
  readonly headcount?: Headcount;
  readonly accessLog?: 'logfmt' | 'json';
  readonly unavailable?: boolean;
  /** Epoch milliseconds, of whatever clock; that of the process by default. */
  readonly now?: () => number;
  readonly random?: () => number;
  /** Asked to have the pool's ledger made, of which there is none until `setBackends`. */
  readonly wake?: (pool: string) => void;
  /** Called at every change of phase of every request. */
  readonly observe?: RequestObserver;
};

type DeepPartial<T> = { readonly [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] };

// The getter of timeOrigin is slower than the clock.
const ORIGIN_MS = performance.timeOrigin;
const wallNow = (): number => ORIGIN_MS + performance.now();
const POOL = 'web';

export class PlaneUnderTest {
  readonly plane: RoutingPlane;
  readonly ledger: MainLedger;
  readonly metrics = new RequestMetrics();
  readonly reports: PlaneReport[] = [];
  readonly domains = new Map<string, DomainRoute>();
  readonly backends: Map<number, BackendRoute>;
  readonly pool: PoolRoute;
  /** Access-log lines. */
  log = '';
  fences = 0;
  /** What is published meanwhile. */
  atFence: () => void = () => {};
  port = 0;
  #position = 0;
  readonly #now: () => number;
  /** By thread. */
  readonly #planes: Map<number, RoutingPlane>;

  static async start(wish: PlaneWish = {}): Promise<PlaneUnderTest> {
    const running = new PlaneUnderTest(wish, undefined);
    if (wish.wake === undefined) await running.setBackends(wish.backends ?? {});
    return running.#listening(wish);
  }

  /** Another worker's, over the same ledger and the same pool. */
  beside(wish: PlaneWish = {}): Promise<PlaneUnderTest> {
    return new PlaneUnderTest(wish, this).#listening(wish);
  }

  async #listening(wish: PlaneWish): Promise<this> {
    const listener = listenerSettings.parse({ address: '127.0.0.1:1', ...wish.listener });
    const bound = await this.plane.listen(listener, { host: '127.0.0.1', port: 0 });
    this.port = bound.port;
    return this;
  }

  private constructor(wish: PlaneWish, first: PlaneUnderTest | undefined) {
    this.#planes = first === undefined ? new Map() : first.#planes;
    this.#now = wish.now ?? (first === undefined ? wallNow : first.#now);
    const ring = (thread: number): void => void setImmediate(() => this.#planes.get(thread)?.deliver());
    this.ledger = first?.ledger ?? createArena({ threads: 2, ring, record: false });
    const thread = first === undefined ? 0 : this.ledger.enlist();
    const settings = completePool(wish.pool ?? {});
    const unavailable = wish.unavailable ?? false;
    this.backends = first?.backends ?? new Map();
    this.pool = first?.pool ?? {
      name: POOL,
      key: keyOf(POOL),
      settings,
      backends: this.backends,
      unavailable,
    };
    const name = wish.domain ?? 'app.test';
    this.domains.set(name, {
      name,
      settings: completeDomain({ pool: POOL as PoolName }),
      pool: this.pool,
      features: { ...PLAIN, ...wish.features },
    });
    this.plane = createPlane({
      table: {
        fence: () => {
          this.fences++;
          this.atFence();
        },
        lookup: (host) => this.domains.get(host),
      },
      ledger: first === undefined ? this.ledger : attachArena(this.ledger.shared, thread, ring),
      settings: {
        worker: thread + 1,
        pseudonym: 'switchyard-test',
        tickMs: wish.tickMs ?? 10,
        mostToBackends: wish.mostToBackends ?? 0,
        ownReads: wish.ownReads ?? process.env['OWN_READS'] !== '0',
      },
      now: this.#now,
      random: wish.random ?? Math.random,
      accessLog:
        wish.accessLog === undefined
          ? undefined
          : new AccessLog(wish.accessLog, (text) => this.#logged(text)),
      metrics: this.metrics,
      report: (report) => this.reports.push(report),
      headcount: wish.headcount,
      ...(wish.observe === undefined ? {} : { observe: wish.observe }),
      ...(wish.wake === undefined ? {} : { wake: wish.wake }),
    });
    this.#planes.set(thread, this.plane);
  }

  /** All of the pool's backends from now on, in the ledger and in the view. */
  async setBackends(wishes: Readonly<Record<string, BackendWish>>): Promise<void> {
    const rows = Object.entries(wishes).map(([id, wish]) => ({
      backendKey: keyOf(id),
      limit: wish.maxConcurrency ?? this.pool.settings.maxConcurrency ?? 0,
      weight: 1,
      state: wish.state ?? ('up' as const),
      quarantineUntilMs: 0,
    }));
    const { policy, queue, whenEmpty } = this.pool.settings;
    const health = healthOf(this.pool.settings);
    const definition = { policy, maxWaiting: queue.maxWaiting, whenEmpty, seed: 1, health };
    const change = { position: ++this.#position, nowMs: this.#now() };
    await this.ledger.define(this.pool.key, definition, rows, 'restrict', change);
    this.backends.clear();
    for (const [id, wish] of Object.entries(wishes)) this.place(id, wish);
    await this.ledger.define(this.pool.key, definition, rows, 'widen', change);
  }

  /** In the view alone. */
  place(id: string, wish: BackendWish): void {
    this.backends.set(keyOf(id), routeOf(id, wish));
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.port);
  }

  /** Requests that hold a slot, by backend id. */
  inFlight(): Record<string, number> {
    const rows = this.ledger.pool(this.pool.key)?.stats().rows ?? [];
    const named: Record<string, number> = {};
    for (const row of rows)
      named[this.backends.get(row.backendKey)?.id ?? `${row.backendKey}`] = row.inFlight;
    return named;
  }

  get waiting(): number {
    return this.ledger.pool(this.pool.key)?.stats().waiting ?? 0;
  }

  /** Every lease is back, and nothing is under way. */
  get isQuiet(): boolean {
    const { checkouts, checkins, inFlight } = this.plane.counters;
    const held = Object.values(this.inFlight()).reduce((sum, count) => sum + count, 0);
    return checkouts === checkins && inFlight === 0 && held === 0 && this.waiting === 0;
  }

  async close(): Promise<void> {
    await this.plane.close();
  }

  #logged(text: string): void {
    this.log += text;
  }
}

function routeOf(id: string, wish: BackendWish): BackendRoute {
  const { host = '127.0.0.1', port, path, maxConcurrency = null } = wish;
  const address = path === undefined ? { host, port } : { path };
  const settings = completeBackend({ address: `${host}:${port}`, maxConcurrency });
  return { id, key: keyOf(id), address, settings };
}
