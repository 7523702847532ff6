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
import { activated, followed } from './activation.ts';
import { News } from './news.ts';
import { type BackendFollower, PoolView } from './pool-view.ts';
import type { TableSource } from './table-source.ts';
import { Views } from './views.ts';

type Known = { readonly state: DomainState | PoolState; readonly version: number };

// A step of the main thread takes microseconds, of a large transaction a few milliseconds. One that takes longer has failed, and
// is made good in its next life; until then whoever waits for it is served from what there is.
const PAUSES = 50;
// What was not asked for through so many sweeps is read again when it is.
const IDLE_SWEEPS = 60;
// Of more than so many, some 20 MB, what is not used goes sooner: to read one again takes a quarter of a millisecond beside a load.
const MANY = 4000;
const IDLE_SWEEPS_OF_MANY = 5;
const LOOKS_A_SWEEP = 5000;

const NOBODY: BackendFollower = { cutAt() {}, gone() {} };

export class Table implements RoutingTable {
  readonly #known = new Map<StreamName, Known>();
  readonly #news = new News();
  readonly #views = new Views({ get: (name) => this.#poolNamed(name) });
  readonly #domains = this.#views.domains;
  readonly #pools = this.#views.pools;
  #source: TableSource | undefined;
  #catchUp: () => void = () => {};
  #follower: BackendFollower = NOBODY;
  #position: Position = 0;
  #sweeps = 0;
  #sweeping: Iterator<StreamName> | undefined;
  /** Who could not be read since nothing could: lost until the next sweep, so that it is not tried for each request. */
  readonly #unread = new Set<StreamName>();

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
    if (isOwned(stream)) this.#views.lose(kindOf(stream), ownerNameOf(stream));
  }

  /** Something happened to one that is not held: if it was lost, it is asked for anew. */
  #find(stream: StreamName): void {
    this.#unread.delete(stream);
    this.#views.find(kindOf(stream), ownerNameOf(stream));
  }

  /** How to learn of events sent but not yet applied. */
  follow(catchUp: () => void): void {
    this.#catchUp = catchUp;
  }

  /** Who has the connections to backends. To be said before anything is loaded. */
  followedBy(follower: BackendFollower): void {
    this.#follower = follower;
  }

  get position(): Position {
    return this.#position;
  }

  fence(): void {
    this.#catchUp();
  }

  /** The events of one transaction, or of several. Who is not held here is made or read when it is asked for. */
  apply(events: readonly Recorded[]): void {
    // Positions are dense: between the last that was applied and these there is something that nobody told us.
    if (this.#source !== undefined && (events[0]?.position ?? 0) > this.#position + 1) this.distrust();
    for (let at = 0; at < events.length; ) at = this.#applyFrom(events, at);
    const last = events.at(-1)?.position ?? 0;
    if (last > this.#position) this.#position = last;
  }

  /** Those of one owner that stand together: what lies between is nobody's to see. The place of the first after them. */
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
        this.#find(stream);
        this.#news.hear(event);
        continue;
      }
      state = evolveOwner(stream, state, event, scratch);
      version = event.version;
    }
    if (version > before) this.#know(stream, state, version);
    return at;
  }

  /** As `apply` for the events that these are the names of, which the log has: of owners that are not held here nothing is read. */
  applyPacked(packed: PackedNames): void {
    if (this.#source === undefined) throw new TypeError('expected a log to read in, found none');
    if (packed.first > this.#position + 1) this.distrust();
    let before = '';
    for (const stream of streamsOf(packed)) {
      // Its events stand together, and are followed together.
      if (stream === before) continue;
      before = stream;
      const known = this.#known.get(stream);
      if (known === undefined) {
        this.#find(stream);
        this.#news.forget(stream);
      } else this.#follow(stream, known, packed.last, this.#source);
    }
    if (packed.last > this.#position) this.#position = packed.last;
  }

  /** What has happened to one that is held, up to a position. */
  #follow(stream: StreamName, known: Known, last: Position, source: TableSource): void {
    try {
      const reader = source.reader.position() < last ? this.#reopened(source) : source.reader;
      const found = followed(reader, stream, known, last);
      if (found === undefined) this.distrust();
      else if (found.version > known.version) this.#know(stream, found.state, found.version);
    } catch (error) {
      if (!isOfTheLog(error)) throw error;
      // Its row may be sound: what became of it is read anew when it is asked for.
      source.warn(error);
      this.distrust();
    }
  }

  /** What was published is in the log, so what is open is not the log any more. */
  #reopened(source: TableSource): LogReader {
    this.#source = source.reopened();
    return this.#source.reader;
  }

  /** Something was missed: what is held may be out of date, and is read anew when it is asked for. */
  distrust(): void {
    this.#known.clear();
    this.#news.clear();
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

  /** What is held here. */
  get size(): { readonly domains: number; readonly pools: number } {
    return { domains: this.#domains.size, pools: this.#pools.size };
  }

  /** Lets go of what was not used for long, some of it at a time. To be called now and then. */
  sweep(): void {
    if (this.#source === undefined) return;
    this.#sweeps += 1;
    for (const stream of this.#unread) this.#forget(stream);
    this.#unread.clear();
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

  /** The only read that a request can meet. What is published of what it saw is applied to all else before it goes on. */
  #activate(stream: StreamName, source: TableSource): void {
    const { pause, warn } = source;
    const heard = this.#news.take(stream);
    if (heard !== undefined) {
      this.#know(stream, heard.state, heard.version);
      return;
    }
    try {
      let { state, version, position } = activated(source.reader, stream, warn);
      if (position < this.#position)
        ({ state, version, position } = activated(this.#reopened(source), stream, warn));
      if (state !== null) this.#know(stream, state as DomainState | PoolState, version);
      for (let pauses = 0; position > this.#position && pauses < PAUSES; pauses++) {
        this.#catchUp();
        if (position > this.#position) pause();
      }
    } catch (error) {
      if (!isOfTheLog(error)) throw error;
      warn(error);
      this.lose(stream);
      if (!(error instanceof EventUnreadable)) this.#unread.add(stream);
    }
  }

  #know(stream: StreamName, state: DomainState | PoolState, version: number): void {
    const kind = kindOf(stream);
    const name = ownerNameOf(stream);
    // Who is gone is not held: whether it comes again is in the index, or in the log.
    if (state === null && this.#source !== undefined) this.#known.delete(stream);
    else this.#known.set(stream, { state, version });
    if (kind === 'domain') this.#views.placeDomain(name, state as DomainState, this.#sweeps);
    else this.#views.placePool(name, state as PoolState, this.#sweeps, this.#follower);
  }
}

/** One of its events cannot be read, or nothing can just now. */
function isOfTheLog(error: unknown): error is EventUnreadable | LogUnavailable | DataUnusable {
  return error instanceof EventUnreadable || error instanceof LogUnavailable || error instanceof DataUnusable;
}
