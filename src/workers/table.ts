/**
 * What this thread knows of the routing state: every domain and pool as a view that a request can use as it is.
 * It is the fold of the events it was sent over the rows it read at its start; one transaction is one step.
 */
import {
  type BackendState,
  type DomainState,
  evolveOwner,
  keyOf,
  kindOf,
  type PoolState,
} from '../../actors/index.ts';
import {
  completeBackend,
  completeDomain,
  completePool,
  DOMAIN_DEFAULTS,
  type DomainSettings,
  type EventUnreadable,
  type LogReader,
  POOL_DEFAULTS,
  type Position,
  type Recorded,
  type StreamName,
} from '../../eventlog/index.ts';
import {
  type BackendAddress,
  type BackendRoute,
  type DomainFeatures,
  type DomainRoute,
  PLAIN,
  type PoolRoute,
  type RoutingTable,
} from '../proxy/index.ts';

/** A backend has until then to finish; Infinity: it is not drained after all. */
export type CutAt = (pool: string, backend: string, atMs: number) => void;

type Known = { state: DomainState | PoolState; version: number };

export class Table implements RoutingTable {
  readonly #known = new Map<StreamName, Known>();
  readonly #domains = new Map<string, DomainRoute>();
  readonly #pools = new Map<string, PoolRoute>();
  readonly #poolsByKey = new Map<number, PoolRoute>();
  #catchUp: () => void = () => {};
  #cutAt: CutAt = () => {};
  #position: Position = 0;

  /** Reads every current row. Events up to the position of that read are then known. */
  load(reader: LogReader, damaged: (error: EventUnreadable) => void): void {
    this.#position = reader.snapshotOfCurrents((row) => {
      this.#know(row.stream, row.state as DomainState | PoolState, row.version);
    }, damaged);
  }

  /** Nothing is known of this owner, though there is one: its requests are told so, and everybody else's go on. */
  lose(stream: StreamName): void {
    const kind = kindOf(stream);
    const name = stream.slice(kind.length + 1);
    if (kind === 'domain') this.#domains.set(name, lostDomain(name));
    else this.#pools.set(name, lostPool(name));
  }

  /** How to learn of events sent but not yet applied. */
  follow(catchUp: () => void): void {
    this.#catchUp = catchUp;
  }

  /** Who cuts what a drained backend has not finished. To be said before anything is loaded. */
  cutBy(cutAt: CutAt): void {
    this.#cutAt = cutAt;
  }

  get position(): Position {
    return this.#position;
  }

  fence(): void {
    this.#catchUp();
  }

  /** The events of one transaction, or of several. */
  apply(events: readonly Recorded[]): void {
    for (const event of events) {
      if (event.position <= this.#position) continue;
      const known = this.#known.get(event.stream);
      if (event.version <= (known?.version ?? 0)) continue;
      this.#know(event.stream, evolveOwner(event.stream, known?.state ?? null, event), event.version);
    }
    const last = events.at(-1)?.position ?? 0;
    if (last > this.#position) this.#position = last;
  }

  lookup(host: string): DomainRoute | undefined {
    const exact = this.#domains.get(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const wildcard = this.#domains.get(`*${host.slice(dot)}`);
      if (wildcard !== undefined) return wildcard;
    }
    return this.#domains.get('*');
  }

  pool(key: number): PoolRoute | undefined {
    return this.#poolsByKey.get(key);
  }

  get size(): { readonly domains: number; readonly pools: number } {
    return { domains: this.#domains.size, pools: this.#pools.size };
  }

  #know(stream: StreamName, state: DomainState | PoolState, version: number): void {
    this.#known.set(stream, { state, version });
    const kind = kindOf(stream);
    const name = stream.slice(kind.length + 1);
    if (kind === 'domain') this.#placeDomain(name, state as DomainState);
    else this.#placePool(name, state as PoolState);
  }

  #placeDomain(name: string, state: DomainState): void {
    if (state === null) this.#domains.delete(name);
    else this.#domains.set(name, new Domain(name, state, this.#pools));
  }

  #placePool(name: string, state: PoolState): void {
    if (state === null) {
      this.#pools.delete(name);
      this.#poolsByKey.delete(keyOf(name));
      return;
    }
    const before = this.#pools.get(name);
    const pool = new Pool(name, state, before instanceof Pool ? before : undefined, this.#cutAt);
    this.#pools.set(name, pool);
    this.#poolsByKey.set(pool.key, pool);
  }
}

/** A domain finds its pool by name at each request, so that a change of the pool needs no walk over its domains. */
class Domain implements DomainRoute {
  readonly name: string;
  readonly settings: DomainRoute['settings'];
  readonly features: DomainRoute['features'];
  readonly #pools: ReadonlyMap<string, PoolRoute>;

  constructor(name: string, state: NonNullable<DomainState>, pools: ReadonlyMap<string, PoolRoute>) {
    this.name = name;
    this.settings = completeDomain(state.settings);
    this.features = featuresOf(this.settings);
    this.#pools = pools;
  }

  get pool(): PoolRoute | undefined {
    return this.#pools.get(this.settings.pool);
  }
}

function lostPool(name: string): PoolRoute {
  return { name, key: keyOf(name), settings: POOL_DEFAULTS, backends: new Map(), unavailable: true };
}

function lostDomain(name: string): DomainRoute {
  const settings = completeDomain({ pool: name as DomainSettings['pool'] });
  return { name, settings, features: ORDINARY, pool: lostPool(name) };
}

/** Domains that ask for nothing special, which are nearly all, share one object. */
function featuresOf(settings: DomainSettings): DomainFeatures {
  const { maintenance, maxInFlight, errorPages, headers } = settings;
  const request = Object.entries(headers.request);
  const response = Object.entries(headers.response);
  const isPlain =
    !maintenance &&
    maxInFlight === ORDINARY.maxInFlight &&
    settings.features.continue === ORDINARY.continue &&
    request.length + response.length + Object.keys(errorPages).length === 0;
  if (isPlain) return ORDINARY;
  return {
    continue: settings.features.continue,
    maintenance,
    maxInFlight,
    errorPages,
    requestFields: request.flat(),
    requestNames: namesOf(request),
    responseFields: response.flat(),
    responseNames: namesOf(response),
  };
}

const ORDINARY: DomainFeatures = Object.freeze({ ...PLAIN, maxInFlight: DOMAIN_DEFAULTS.maxInFlight });

function namesOf(fields: readonly (readonly [string, string])[]): ReadonlySet<string> | undefined {
  return fields.length === 0 ? undefined : new Set(fields.map(([name]) => name.toLowerCase()));
}

/** Its map of backends is one for the pool's whole life: who waits for a grant finds a backend that came meanwhile. */
class Pool implements PoolRoute {
  readonly name: string;
  readonly key: number;
  readonly settings: PoolRoute['settings'];
  readonly backends: Map<number, BackendRoute>;
  readonly #states: Map<number, BackendState>;

  constructor(name: string, state: NonNullable<PoolState>, before: Pool | undefined, cutAt: CutAt) {
    this.name = name;
    this.key = before?.key ?? keyOf(name);
    this.settings = completePool(state.settings);
    this.backends = before?.backends ?? new Map();
    this.#states = before === undefined ? new Map() : before.#states;
    this.#place(state, cutAt);
  }

  #place(state: NonNullable<PoolState>, cutAt: CutAt): void {
    const present = new Set<number>();
    for (const [id, backend] of Object.entries(state.backends)) {
      const key = keyOf(id);
      present.add(key);
      const known = this.#states.get(key);
      if (known?.backend === backend.backend) continue;
      this.#states.set(key, backend);
      const settings = completeBackend(backend.backend);
      const cutAtMs = backend.drainUntilMs;
      this.backends.set(key, { id, key, address: addressOf(settings.address), settings, cutAtMs });
      // One that was removed while it drained, and comes again, is not drained any more either.
      cutAt(this.name, id, cutAtMs ?? Number.POSITIVE_INFINITY);
    }
    for (const key of this.backends.keys()) {
      if (present.has(key)) continue;
      this.backends.delete(key);
      this.#states.delete(key);
    }
  }
}

/** `unix:/path`, `[v6]:port` or `host:port`, as checked when it was set. */
export function addressOf(text: string): BackendAddress {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(text.slice(colon + 1)) };
}
