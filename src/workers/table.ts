/**
 * What this thread knows of the routing state: every domain and pool as a view that a request can use as it is.
 * It is the fold of the events it was sent over the rows it read: all of them at its start, or each when it is first asked
 * for; one transaction is one step.
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
  EventUnreadable,
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
  routesOf,
} from '../proxy/index.ts';
import type { NameIndex } from './name-index.ts';

/** A backend has until then to finish; Infinity: it is not drained after all. */
export type CutAt = (pool: string, backend: string, atMs: number) => void;

/** Where a table finds what it does not hold. */
export type TableSource = {
  readonly names: NameIndex;
  readonly reader: LogReader;
  /** The file that is the log now: an archive puts another in its place. */
  readonly reopened: () => TableSource;
  /** Whether what was published, what `names` says, and what was applied here are all of the same moment. */
  readonly isLevel: () => boolean;
  /** Waits a little for the main thread, which is between two of its steps. */
  readonly pause: () => void;
  readonly warn: (error: EventUnreadable) => void;
  /** Somebody waits for one of its backends. */
  readonly isBusy: (pool: PoolRoute) => boolean;
  /** Nobody has asked for it for long. */
  readonly passivated: (pool: PoolRoute) => void;
};

type Known = { state: DomainState | PoolState; version: number };

// A step of the main thread takes microseconds, of a large transaction a few milliseconds. One that takes longer has failed, and
// is made good in its next life; until then whoever waits for it is served from what there is.
const PAUSES = 50;
// What was not asked for through so many sweeps is read again when it is.
const IDLE_SWEEPS = 60;
const LOOKS_A_SWEEP = 5000;

export class Table implements RoutingTable {
  readonly #known = new Map<StreamName, Known>();
  readonly #domains = new Map<string, Marked<DomainRoute>>();
  readonly #pools = new Map<string, Marked<PoolRoute>>();
  readonly #poolsByKey = new Map<number, PoolRoute>();
  readonly #doubted = new Map<string, Pool>();
  /** What a domain finds its pool by. */
  readonly #poolsByName = { get: (name: string) => this.#poolNamed(name) };
  #source: TableSource | undefined;
  #catchUp: () => void = () => {};
  #cutAt: CutAt = () => {};
  #position: Position = 0;
  #sweeps = 0;
  #sweeping: Iterator<StreamName> | undefined;

  /** Reads every current row. Events up to the position of that read are then known. */
  load(reader: LogReader, damaged: (error: EventUnreadable) => void): void {
    this.#position = reader.snapshotOfCurrents((row) => {
      this.#know(row.stream, row.state as DomainState | PoolState, row.version);
    }, damaged);
  }

  /** Reads nothing yet, and from now on each owner when it is first asked for. */
  loadFrom(source: TableSource): void {
    this.#source = source;
    this.#position = source.reader.position();
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

  /** The events of one transaction, or of several. Who is not held here is read as it is then, when it is asked for. */
  apply(events: readonly Recorded[]): void {
    // Positions are dense: between the last that was applied and these there is something that nobody told us.
    if (this.#source !== undefined && (events[0]?.position ?? 0) > this.#position + 1) this.distrust();
    for (const event of events) {
      const known = this.#known.get(event.stream);
      if (known === undefined && (this.#source !== undefined || event.position <= this.#position)) continue;
      if (event.version <= (known?.version ?? 0)) continue;
      this.#know(event.stream, evolveOwner(event.stream, known?.state ?? null, event), event.version);
    }
    const last = events.at(-1)?.position ?? 0;
    if (last > this.#position) this.#position = last;
  }

  /** Something was missed: what is held may be out of date, and is read anew when it is asked for. */
  distrust(): void {
    // Whoever waits for a grant of one of these holds its map of backends, so that the pool goes on with it.
    for (const [name, pool] of this.#pools) if (pool instanceof Pool) this.#doubted.set(name, pool);
    this.#known.clear();
    this.#domains.clear();
    this.#pools.clear();
    this.#poolsByKey.clear();
    this.#sweeping = undefined;
  }

  lookup(host: string): DomainRoute | undefined {
    const exact = this.#domains.get(host);
    if (exact === undefined) return this.#source === undefined ? this.#matching(host) : this.#search(host);
    exact.usedAt = this.#sweeps;
    return exact;
  }

  pool(key: number): PoolRoute | undefined {
    return this.#poolsByKey.get(key);
  }

  /** What is held here. */
  get size(): { readonly domains: number; readonly pools: number } {
    return { domains: this.#domains.size, pools: this.#pools.size };
  }

  /** Lets go of what was not used for long, some of it at a time. To be called now and then. */
  sweep(): void {
    if (this.#source === undefined) return;
    this.#sweeps += 1;
    for (let looks = 0; looks < LOOKS_A_SWEEP; looks++) {
      this.#sweeping ??= this.#known.keys();
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = undefined;
        return;
      }
      this.#passivate(next.value, this.#source);
    }
  }

  #passivate(stream: StreamName, source: TableSource): void {
    const kind = kindOf(stream);
    const name = stream.slice(kind.length + 1);
    const view = kind === 'domain' ? this.#domains.get(name) : this.#pools.get(name);
    if (view !== undefined && this.#sweeps - (view.usedAt ?? 0) <= IDLE_SWEEPS) return;
    if (view instanceof Pool && source.isBusy(view)) return;
    this.#known.delete(stream);
    if (kind === 'domain') this.#domains.delete(name);
    else this.#forgetPool(name);
    if (view instanceof Pool) source.passivated(view);
  }

  /** As `lookup`, where not all is held: the names and what is held must be of one moment, or both are looked at again. */
  #search(host: string): DomainRoute | undefined {
    const { names, isLevel, pause } = this.#source!;
    for (let pauses = 0; ; pauses++) {
      const lock = names.lock;
      this.#catchUp();
      const isWhole = (lock & 1) === 0 && isLevel();
      if (isWhole || pauses >= PAUSES) {
        const found = this.#matching(host);
        if (names.lock === lock || pauses >= PAUSES) return found;
      } else pause();
    }
  }

  /** Exact, then the longest wildcard, then the one for everything. */
  #matching(host: string): DomainRoute | undefined {
    const exact = this.#domainNamed(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const wildcard = this.#domainNamed(`*${host.slice(dot)}`);
      if (wildcard !== undefined) return wildcard;
    }
    return this.#domainNamed('*');
  }

  #domainNamed(name: string): DomainRoute | undefined {
    let domain = this.#domains.get(name);
    if (domain === undefined && this.#source?.names.has(name)) {
      this.#activate(`domain-${name}` as StreamName, this.#source);
      domain = this.#domains.get(name);
    }
    if (domain !== undefined) domain.usedAt = this.#sweeps;
    return domain;
  }

  #poolNamed(name: string): PoolRoute | undefined {
    let pool = this.#pools.get(name);
    if (pool === undefined && this.#source !== undefined) {
      this.#activate(`pool-${name}` as StreamName, this.#source);
      pool = this.#pools.get(name);
    }
    if (pool !== undefined) pool.usedAt = this.#sweeps;
    return pool;
  }

  /** The only read that a request can meet. What is published of what it saw is applied to all else before it goes on. */
  #activate(stream: StreamName, source: TableSource): void {
    const { pause, warn } = source;
    try {
      let { state, version, position } = activated(source.reader, stream, warn);
      if (position < this.#position) {
        // What was published is in the log, so this is not the log any more.
        this.#source = source.reopened();
        ({ state, version, position } = activated(this.#source.reader, stream, warn));
      }
      if (state !== null) this.#know(stream, state as DomainState | PoolState, version);
      for (let pauses = 0; position > this.#position && pauses < PAUSES; pauses++) {
        this.#catchUp();
        if (position > this.#position) pause();
      }
    } catch (error) {
      if (!(error instanceof EventUnreadable)) throw error;
      warn(error);
      this.lose(stream);
    }
  }

  #know(stream: StreamName, state: DomainState | PoolState, version: number): void {
    const kind = kindOf(stream);
    const name = stream.slice(kind.length + 1);
    // Who is gone is not held: whether it comes again is in the index, or in the log.
    if (state === null && this.#source !== undefined) this.#known.delete(stream);
    else this.#known.set(stream, { state, version });
    if (kind === 'domain') this.#placeDomain(name, state as DomainState);
    else this.#placePool(name, state as PoolState);
  }

  #placeDomain(name: string, state: DomainState): void {
    if (state === null) {
      this.#domains.delete(name);
      return;
    }
    const domain: Marked<DomainRoute> = new Domain(name, state, this.#poolsByName);
    domain.usedAt = this.#domains.get(name)?.usedAt ?? this.#sweeps;
    this.#domains.set(name, domain);
  }

  #placePool(name: string, state: PoolState): void {
    if (state === null) {
      this.#forgetPool(name);
      return;
    }
    const before: Marked<PoolRoute> | undefined = this.#pools.get(name) ?? this.#doubted.get(name);
    this.#doubted.delete(name);
    const pool: Marked<PoolRoute> = new Pool(
      name,
      state,
      before instanceof Pool ? before : undefined,
      this.#cutAt,
    );
    pool.usedAt = before?.usedAt ?? this.#sweeps;
    this.#pools.set(name, pool);
    this.#poolsByKey.set(pool.key, pool);
  }

  #forgetPool(name: string): void {
    this.#pools.delete(name);
    this.#doubted.delete(name);
    this.#poolsByKey.delete(keyOf(name));
  }
}

/** With the sweep during which it was last asked for. */
type Marked<View> = View & { usedAt?: number };

/** A row that is damaged or behind is made again from the events, which is slower and as true. */
function activated(reader: LogReader, stream: StreamName, warn: (error: EventUnreadable) => void) {
  try {
    return reader.activate(stream);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    warn(error);
  }
  const position = reader.position();
  const snapshot = reader.snapshot(stream);
  let state: unknown = snapshot?.state ?? null;
  let version = snapshot?.version ?? 0;
  for (let more = true; more; ) {
    const events = reader.readStream(stream, { from: version + 1 });
    for (const event of events) state = evolveOwner(stream, state, event);
    version = events.at(-1)?.version ?? version;
    more = events.length > 0;
  }
  return { state, version, position };
}

type PoolsByName = { readonly get: (name: string) => PoolRoute | undefined };

/** A domain finds its pool by name at each request, so that a change of the pool needs no walk over its domains. */
class Domain implements DomainRoute {
  readonly name: string;
  readonly settings: DomainRoute['settings'];
  readonly features: DomainRoute['features'];
  readonly routes: DomainRoute['routes'];
  readonly #pools: PoolsByName;

  constructor(name: string, state: NonNullable<DomainState>, pools: PoolsByName) {
    this.name = name;
    this.settings = completeDomain(state.settings);
    this.features = featuresOf(this.settings);
    this.routes = routesOf(name, this.settings.routes, pools);
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
