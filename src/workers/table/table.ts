/**
 * The routing state as this thread knows it: domains and pools as views that requests use directly. It is the fold of
 * the published events over the rows that it read: all of them at its start, or each when it is first needed. Of a
 * bulk it is sent only names, and reads the events of those it holds. One transaction is applied as one step.
 */
import { type DomainState, evolveOwner, type PoolState } from '../../../actors/index.ts';
import {
  DataUnusable,
  type DomainName,
  domainStream,
  EventUnreadable,
  isOwned,
  kindOf,
  type LogReader,
  LogUnavailable,
  ownerNameOf,
  type PackedNames,
  type PoolName,
  type Position,
  poolStream,
  type Recorded,
  type StreamName,
  streamsOf,
} from '../../../eventlog/index.ts';
import type { DomainRoute, PoolRoute, RoutingTable } from '../../proxy/index.ts';
import { broughtUpTo, readOwner } from './owner-reading.ts';
import { type BackendFollower, PoolView } from './pool-view.ts';
import { RecentDomains } from './recent-domains.ts';
import type { TableSource } from './table-source.ts';
import { Views } from './views.ts';

type Known = { readonly state: DomainState | PoolState; readonly version: number };

// Publishing takes microseconds, for a large transaction a few milliseconds. If it takes longer it has failed, and is
// repaired by a restart; until then requests are served from what is known.
const PAUSES = 50;
// What was not used for this many sweeps is let go, and read again when needed.
const IDLE_SWEEPS = 60;
// Beyond this many, some 20 MB, the unused go sooner: reading one again takes a quarter of a millisecond under load.
const MANY = 4000;
const IDLE_SWEEPS_OF_MANY = 5;
const LOOKS_A_SWEEP = 5000;

const NOBODY: BackendFollower = { cutAt() {}, gone() {} };

export class Table implements RoutingTable {
  readonly #known = new Map<StreamName, Known>();
  readonly #recentDomains = new RecentDomains();
  readonly #views = new Views({ get: (name) => this.#poolNamed(name) });
  readonly #domains = this.#views.domains;
  readonly #pools = this.#views.pools;
  #source: TableSource | undefined;
  #catchUp: () => void = () => {};
  #follower: BackendFollower = NOBODY;
  #position: Position = 0;
  #sweeps = 0;
  #sweeping: Iterator<StreamName> | undefined;
  /** Owners that could not be read because the log could not: lost until the next sweep, to spare requests the attempt. */
  readonly #unread = new Set<StreamName>();

  /** Reads all current rows. Events up to the position of that read are then known. */
  load(reader: LogReader, damaged: (error: EventUnreadable) => void): void {
    this.#position = reader.snapshotOfCurrents((row) => {
      this.#know(row.stream, row.state as DomainState | PoolState, row.version);
    }, damaged);
  }

  /** From now on, reads each owner when it is first asked for. */
  loadFrom(source: TableSource): void {
    this.#source = source;
    this.#position = source.reader.position();
  }

  /** The owner exists but cannot be read: its requests are told so, all others continue. */
  markUnreadable(stream: StreamName): void {
    if (isOwned(stream)) this.#views.markUnreadable(kindOf(stream), ownerNameOf(stream));
  }

  /** An owner that is not held has changed: if it could not be read, the next request reads it again. */
  #dropUnreadable(stream: StreamName): void {
    this.#unread.delete(stream);
    this.#views.dropUnreadable(kindOf(stream), ownerNameOf(stream));
  }

  /** `catchUp` applies publications that were not applied yet. */
  follow(catchUp: () => void): void {
    this.#catchUp = catchUp;
  }

  /** Sets what has the connections to backends. To be called before anything is loaded. */
  followedBy(follower: BackendFollower): void {
    this.#follower = follower;
  }

  get position(): Position {
    return this.#position;
  }

  fence(): void {
    this.#catchUp();
  }

  /** Applies the events of one transaction, or of several. Owners that are not held are read when they are asked for. */
  apply(events: readonly Recorded[]): void {
    // Positions are dense, so a gap means that a publication was missed.
    if (this.#source !== undefined && (events[0]?.position ?? 0) > this.#position + 1) this.distrust();
    for (let at = 0; at < events.length; ) at = this.#applyFrom(events, at);
    const last = events.at(-1)?.position ?? 0;
    if (last > this.#position) this.#position = last;
  }

  /** Applies consecutive events of one owner as one step; returns the index after them. */
  #applyFrom(events: readonly Recorded[], from: number): number {
    const { stream } = events[from]!;
    const known = this.#known.get(stream);
    const before = known?.version ?? 0;
    let [state, version, at] = [known?.state ?? null, before, from];
    const scratch = new WeakSet();
    for (; at < events.length && events[at]!.stream === stream; at++) {
      const event = events[at]!;
      if (event.version <= version || (known === undefined && event.position <= this.#position)) continue;
      if (known === undefined && this.#source !== undefined) {
        this.#dropUnreadable(stream);
        this.#recentDomains.hear(event);
        continue;
      }
      state = evolveOwner(stream, state, event, scratch);
      version = event.version;
    }
    if (version > before) this.#know(stream, state, version);
    return at;
  }

  /** Like `apply`, for events of which only the names were sent; the log is read only for owners that are held. */
  applyPacked(packed: PackedNames): void {
    if (this.#source === undefined) throw new TypeError('expected a log to read in, found none');
    if (packed.first > this.#position + 1) this.distrust();
    let before = '';
    for (const stream of streamsOf(packed)) {
      // The events of one stream are adjacent and are followed at once.
      if (stream === before) continue;
      before = stream;
      const known = this.#known.get(stream);
      if (known === undefined) {
        this.#dropUnreadable(stream);
        this.#recentDomains.forget(stream);
      } else this.#follow(stream, known, packed.last, this.#source);
    }
    if (packed.last > this.#position) this.#position = packed.last;
  }

  /** Brings a held owner up to a position. */
  #follow(stream: StreamName, known: Known, last: Position, source: TableSource): void {
    try {
      const reader = source.reader.position() < last ? this.#reopened(source) : source.reader;
      const found = broughtUpTo(reader, stream, known, last);
      if (found === undefined) this.distrust();
      else if (found.version > known.version) this.#know(stream, found.state, found.version);
    } catch (error) {
      if (!isOfTheLog(error)) throw error;
      // Its current row may be readable, so it is read again when it is asked for.
      source.warn(error);
      this.distrust();
    }
  }

  /** What was published is in the log; if this file lacks it, the log has been replaced. */
  #reopened(source: TableSource): LogReader {
    this.#source = source.reopened();
    return this.#source.reader;
  }

  /** Something was missed: what is held may be outdated, and is read again when it is asked for. */
  distrust(): void {
    this.#known.clear();
    this.#recentDomains.clear();
    this.#unread.clear();
    this.#views.distrust();
    this.#sweeping = undefined;
  }

  lookup(host: string): DomainRoute | undefined {
    const exact = this.#domains.get(host);
    if (exact === undefined) return this.#source === undefined ? this.#matching(host) : this.#search(host);
    exact.usedAt = this.#sweeps;
    return exact;
  }

  pool(key: number): PoolRoute | undefined {
    return this.#views.poolsByKey.get(key);
  }

  /** How many are held. */
  get size(): { readonly domains: number; readonly pools: number } {
    return { domains: this.#domains.size, pools: this.#pools.size };
  }

  /** Lets go of what was not used for a while, some of it per call. To be called regularly. */
  sweep(): void {
    if (this.#source === undefined) return;
    this.#sweeps += 1;
    for (const stream of this.#unread) this.#dropUnreadable(stream);
    for (const pool of this.#views.forgetDoubted(this.#source.isBusy)) this.#source.passivated(pool);
    const idle = this.#known.size > MANY ? IDLE_SWEEPS_OF_MANY : IDLE_SWEEPS;
    for (let looks = 0; looks < LOOKS_A_SWEEP; looks++) {
      this.#sweeping ??= this.#known.keys();
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = undefined;
        return;
      }
      this.#passivate(next.value, this.#source, idle);
    }
  }

  #passivate(stream: StreamName, source: TableSource, idle: number): void {
    const kind = kindOf(stream);
    const name = ownerNameOf(stream);
    const view = kind === 'domain' ? this.#domains.get(name) : this.#pools.get(name);
    if (view !== undefined && this.#sweeps - (view.usedAt ?? 0) <= idle) return;
    if (view instanceof PoolView && source.isBusy(view)) return;
    this.#forget(stream);
    if (view instanceof PoolView) source.passivated(view);
  }

  #forget(stream: StreamName): void {
    const kind = kindOf(stream);
    const name = ownerNameOf(stream);
    this.#known.delete(stream);
    if (kind === 'domain') this.#domains.delete(name);
    else this.#views.forgetPool(name);
  }

  /** `lookup` if not all is held: names and held state must be of one moment, otherwise looks again. */
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

  /** Exact, then the longest wildcard, then `*`. */
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
      this.#activate(domainStream(name as DomainName), this.#source);
      domain = this.#domains.get(name);
    }
    if (domain !== undefined) domain.usedAt = this.#sweeps;
    return domain;
  }

  #poolNamed(name: string): PoolRoute | undefined {
    let pool = this.#pools.get(name);
    if (pool === undefined && this.#source !== undefined) {
      this.#activate(poolStream(name as PoolName), this.#source);
      pool = this.#pools.get(name);
    }
    if (pool !== undefined) pool.usedAt = this.#sweeps;
    return pool;
  }

  /** The only read on the request path. If it saw a newer position, publications up to it are applied before going on. */
  #activate(stream: StreamName, source: TableSource): void {
    const { pause, warn } = source;
    const heard = this.#recentDomains.take(stream);
    if (heard !== undefined) {
      this.#know(stream, heard.state, heard.version);
      return;
    }
    try {
      let { state, version, position } = readOwner(source.reader, stream, warn);
      if (position < this.#position)
        ({ state, version, position } = readOwner(this.#reopened(source), stream, warn));
      if (state !== null) this.#know(stream, state as DomainState | PoolState, version);
      for (let pauses = 0; position > this.#position && pauses < PAUSES; pauses++) {
        this.#catchUp();
        if (position > this.#position) pause();
      }
    } catch (error) {
      if (!isOfTheLog(error)) throw error;
      warn(error);
      this.markUnreadable(stream);
      if (!(error instanceof EventUnreadable)) this.#unread.add(stream);
    }
  }

  #know(stream: StreamName, state: DomainState | PoolState, version: number): void {
    const kind = kindOf(stream);
    const name = ownerNameOf(stream);
    // A removed owner is not held: the index, or the log, tells whether it exists again.
    if (state === null && this.#source !== undefined) this.#known.delete(stream);
    else this.#known.set(stream, { state, version });
    if (kind === 'domain') this.#views.placeDomain(name, state as DomainState, this.#sweeps);
    else this.#views.placePool(name, state as PoolState, this.#sweeps, this.#follower);
  }
}

/** An event cannot be read, or the log as a whole cannot at the moment. */
function isOfTheLog(error: unknown): error is EventUnreadable | LogUnavailable | DataUnusable {
  return error instanceof EventUnreadable || error instanceof LogUnavailable || error instanceof DataUnusable;
}
