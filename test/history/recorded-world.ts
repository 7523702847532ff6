/**
 * A pool that random clients use, recorded as a router records it: the production ledger with two workers, the log of its
 * owner, and a journal; in one thread, under a clock that is set.
 */
import {
  attachArena,
  createArena,
  definitionOf,
  keyOf,
  type Lease,
  type LeaseEnd,
  type Ledger,
  type MainLedger,
  type PoolLedger,
  type PoolState,
  recordSource,
  rowsOf,
  type Waiter,
} from '../../actors/index.ts';
import {
  ByteWriter,
  type JournalWriter,
  type LocalLog,
  openSqliteLog,
  type PoolEvent,
  type RingProducer,
  type SparseBackend,
  type SparsePool,
  writeCheckpoint,
  writeName,
} from '../../eventlog/index.ts';
import { JournalDesk } from '../eventlog/journal/desk.ts';
import { Past } from './past.ts';

const POOL = 'web';
const KEY = keyOf(POOL);

class Client implements Waiter {
  place = 0;
  lease: Lease | undefined;
  /** That it asked: a ledger that is dropped meanwhile still takes back what it lent. */
  pool: PoolLedger | undefined;
  tried: readonly number[] = [];
  isGone = false;
  readonly thread: number;
  readonly hash: number;

  constructor(thread: number, hash: number) {
    this.thread = thread;
    this.hash = hash;
  }

  granted(lease: Lease): void {
    this.lease = lease;
  }

  refused(): void {
    this.isGone = true;
  }
}

export class RecordedWorld implements AsyncDisposable {
  readonly desk: JournalDesk;
  readonly #log: LocalLog;
  readonly #past: Past;
  readonly #main: MainLedger;
  readonly #workers = new Map<number, Ledger>();
  readonly #ring: RingProducer;
  readonly #writer: JournalWriter;
  readonly #packed = new ByteWriter();
  #clients: Client[] = [];
  #seed: number;

  constructor(directory: string, workers: number, seed: number, limits: { segmentAgeMs?: number } = {}) {
    const ring = (thread: number) => this.#workers.get(thread)?.deliver();
    this.#main = createArena({ threads: 4, ring, record: true, recordSlots: 16_384 });
    this.desk = new JournalDesk(directory, {
      ringBytes: 2 ** 20,
      operations: recordSource(this.#main.shared),
      limits,
    });
    this.#ring = this.desk.producer(0);
    this.#writer = this.desk.writer();
    this.#log = openSqliteLog({ directory, now: () => Math.floor(this.desk.nowMs) });
    this.#past = new Past(this.#log);
    this.#seed = seed;
    for (let worker = 0; worker < workers; worker++) this.#hire();
  }

  get nowMs(): number {
    return this.desk.nowMs;
  }

  get isThere(): boolean {
    return this.#past.state(`pool-${POOL}`) !== null;
  }

  /** As the pool's owner would: the event, then the ledger in line with it. */
  async happen(...events: readonly PoolEvent[]): Promise<number> {
    const position = await this.#past.happen(...events.map((event) => [`pool-${POOL}`, event] as const));
    await this.#align();
    return position;
  }

  /** Nobody has used it for long, if it is at rest; then somebody does. */
  async sleep(): Promise<void> {
    if (await this.fallAsleep()) await this.#align();
  }

  /** True: it was at rest. */
  async fallAsleep(): Promise<boolean> {
    return this.#main.rest(KEY, this.#main.ticket(KEY), await this.#change());
  }

  async #change(): Promise<Parameters<MainLedger['drop']>[1]> {
    return { position: await this.#log.version(`pool-${POOL}` as never), nowMs: this.desk.nowMs };
  }

  /** The ledger with its owner. */
  async #align(): Promise<void> {
    const state = this.#past.state(`pool-${POOL}`) as PoolState;
    const change = await this.#change();
    if (state === null) await this.#main.drop(KEY, change);
    else {
      writeName(this.#ring, KEY, POOL);
      for (const id of Object.keys(state.backends)) writeName(this.#ring, keyOf(id), id);
      const definition = definitionOf(state, this.#chance(2 ** 32));
      for (const phase of ['restrict', 'widen'] as const)
        await this.#main.define(KEY, definition, rowsOf(state, change.nowMs), phase, change);
    }
  }

  async create(settings: SparsePool, backends: Readonly<Record<string, SparseBackend>>): Promise<void> {
    await this.happen(
      { type: 'PoolCreated', data: { settings } },
      ...Object.entries(backends).map(
        ([id, backend]): PoolEvent => ({ type: 'BackendAdded', data: { id: id as never, backend } }),
      ),
    );
  }

  pass(ms: number): void {
    this.desk.nowMs += ms;
  }

  /** Somebody asks; what it is kept together by is drawn. */
  ask(): void {
    const threads = [...this.#workers.keys()];
    const client = new Client(threads[this.#chance(threads.length)] as number, this.#chance(5) + 1);
    this.#clients.push(client);
    this.#checkout(client);
  }

  /** One who has a backend is done with it; where it failed, it asks for another. */
  finish(end: LeaseEnd): void {
    const client = this.#one(({ lease }) => lease !== undefined);
    if (client === undefined) return;
    const lease = client.lease as Lease;
    client.lease = undefined;
    client.pool?.checkin(lease, this.desk.nowMs, end, this.#chance(50));
    if (end !== 'finished' && client.tried.length < 3) {
      client.tried = [...client.tried, lease.backendKey];
      this.#checkout(client);
    } else client.isGone = true;
  }

  /** It goes where another backend is free at once, and gives back what it had afterwards. */
  goElsewhere(): void {
    const client = this.#one(({ lease }) => lease !== undefined);
    if (client === undefined) return;
    const lease = client.lease as Lease;
    const pool = this.#pool(client) as PoolLedger;
    const tried = [...client.tried, lease.backendKey];
    let answer: Lease | string = pool.checkout(this.desk.nowMs, tried, client, client.hash);
    if (answer === 'queued') answer = pool.leave(client, this.desk.nowMs);
    if (typeof answer === 'object') client.tried = tried;
    client.lease = typeof answer === 'object' ? answer : undefined;
    client.isGone = client.lease === undefined;
    pool.checkin(lease, this.desk.nowMs, 'server_error', -1);
  }

  /** One who waits does so no longer. */
  leave(): void {
    const client = this.#one(({ place }) => place !== 0);
    if (client === undefined) return;
    const left = this.#pool(client)?.leave(client, this.desk.nowMs);
    if (typeof left === 'object') this.#pool(client)?.checkin(left, this.desk.nowMs, 'unused');
    client.isGone = true;
  }

  quarantine(id: string, ms: number): void {
    this.#any()?.quarantine(keyOf(id), this.desk.nowMs, this.desk.nowMs + ms);
  }

  probed(id: string, isFailing: boolean): void {
    this.#main.pool(KEY)?.probed(keyOf(id), this.desk.nowMs, isFailing);
  }

  expire(): void {
    this.#any()?.expire(this.desk.nowMs);
  }

  /** A worker dies, and another takes its place. */
  async die(): Promise<void> {
    const dead = [...this.#workers.keys()][0] as number;
    for (const client of this.#clients) if (client.thread === dead) client.isGone = true;
    this.#workers.delete(dead);
    await this.#main.reap(dead, this.desk.nowMs);
    this.#hire();
  }

  /** `spoil`: what is written down of it is not so. */
  checkpoint(spoil: (state: Uint8Array) => void = () => {}): void {
    this.#packed.at = 0;
    const ticket = this.#main.checkpoint(KEY, this.#packed);
    spoil(this.#packed.written());
    if (ticket > 0) writeCheckpoint(this.#ring, KEY, ticket, this.desk.nowMs, this.#packed.written());
  }

  /** The pool as it is, which nobody writes down. */
  glimpse(): Uint8Array {
    const packed = new ByteWriter();
    this.#main.checkpoint(KEY, packed);
    return packed.written();
  }

  turn(): void {
    this.#writer.turn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#writer.close();
    await this.#log.close();
  }

  #hire(): void {
    const thread = this.#main.enlist();
    const ring = (other: number) => this.#workers.get(other)?.deliver();
    this.#workers.set(thread, attachArena(this.#main.shared, thread, ring));
  }

  #checkout(client: Client): void {
    const { tried, hash } = client;
    client.pool = this.#pool(client);
    const answer = client.pool?.checkout(this.desk.nowMs, tried, client, hash);
    if (typeof answer === 'object') client.lease = answer;
    else if (answer !== 'queued') client.isGone = true;
  }

  #one(is: (client: Client) => boolean): Client | undefined {
    this.#clients = this.#clients.filter(({ isGone }) => !isGone);
    const some = this.#clients.filter(is);
    return some.length === 0 ? undefined : some[this.#chance(some.length)];
  }

  #pool({ thread }: Client): PoolLedger | undefined {
    return this.#workers.get(thread)?.pool(KEY);
  }

  #any(): PoolLedger | undefined {
    return [...this.#workers.values()][0]?.pool(KEY);
  }

  /** From 0 to below. */
  #chance(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * below);
  }
}
