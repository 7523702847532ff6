/** An event log over rows in this process: it groups appends, notifies listeners, and answers in order. */
import { type Prepared, prepare } from './append/append.ts';
import { type Ended, type Entry, writeEach, writeTogether } from './append/append-group.ts';
import type { AnsweredCommand, Append, Appended } from './append/append-wish.ts';
import { type Happened, happenedOf, happenedTogether, type Part } from './append/happened.ts';
import { type PackedAppend, unpackAppend } from './append/packed-append.ts';
import { LogUnavailable } from './errors.ts';
import type { EventLog } from './event-log.ts';
import { parseJson } from './events/canonical.ts';
import type { Recorded } from './events/events.ts';
import type { Json } from './json.ts';
import type { LogInspection, LogReader, LogStore } from './log-reader.ts';
import type { StreamName } from './names.ts';
import type { Position, Version } from './position.ts';
import type { Current, CurrentsPage, ReadOptions, Snapshot } from './readings.ts';
import { type Rebuilt, rebuilding } from './replay/rebuild.ts';
import type { ProjectionOf } from './replay/replay.ts';

type Waiting = Entry & {
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
};

/** What was appended and is not committed yet. */
type Gathered = { readonly parts: Part[]; failed?: unknown };

type Answered = { readonly digest: string; readonly position: Position; readonly answer: Json };

// Commands that are read at a time.
const PAGE = 1000;

type Listener = (happened: Happened) => void;

export class LocalLog implements EventLog {
  #store: LogStore;
  readonly #now: () => number;
  readonly #listeners = new Set<Listener>();
  #waiting: Waiting[] = [];
  #gathered: Gathered | undefined;
  #closed = false;
  /** Why the log cannot be used any more. */
  #refusal: ConstructorParameters<typeof LogUnavailable> | undefined;

  constructor(store: LogStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** The same log, read synchronously. It is closed with this log. */
  get reader(): LogReader & LogInspection {
    return this.#store;
  }

  /** Continues over another store with the same content. In one step, so that nothing is appended in between. */
  replaceStore(by: (store: LogStore) => LogStore): void {
    this.#requireOpen();
    this.#store = by(this.#store);
  }

  async append(append: Append): Promise<Appended> {
    this.#requireOpen();
    return await this.#appendPrepared(prepare(append));
  }

  /** Like `append`, for an append that another thread prepared; a conflict does not tell what won. */
  async appendPacked(append: PackedAppend): Promise<Appended> {
    this.#requireOpen();
    return await this.#appendPrepared(unpackAppend(append), append);
  }

  /**
   * Commits what `work` appends together: with one fsync, or not at all. For a caller that has the log to itself, since any
   * append meanwhile is included. Rejects as `work` does, or with the `LogUnavailable` of a commit or an append.
   */
  async together<T>(work: () => Promise<T>): Promise<T> {
    const store = this.#open();
    if (this.#gathered !== undefined) throw new TypeError('expected one work at a time, found another');
    // Appends that wait were asked for before, and get a commit of their own.
    this.#flush();
    store.begin();
    const gathered: Gathered = { parts: [] };
    this.#gathered = gathered;
    try {
      const result = await work();
      if (gathered.failed !== undefined) throw gathered.failed;
      store.commit();
      this.#gathered = undefined;
      if (gathered.parts.length > 0) this.#tell(happenedTogether(gathered.parts));
      return result;
    } catch (error) {
      this.#gathered = undefined;
      this.#takeBack(store);
      throw error;
    }
  }

  async answered(commandId: string): Promise<Answered | undefined> {
    const known = this.#open().command(commandId);
    return known && { digest: known.digest, position: known.position, answer: parseJson(known.answer) };
  }

  async commands(prefix: string): Promise<readonly AnsweredCommand[]> {
    const found: AnsweredCommand[] = [];
    for (let after = ''; ; ) {
      const page = this.#open().storedCommands(prefix, after, PAGE);
      for (const { commandId, position, answer } of page)
        found.push({ commandId, position, answer: parseJson(answer) });
      if (page.length < PAGE) return found;
      after = page.at(-1)?.commandId ?? after;
    }
  }

  async position(): Promise<Position> {
    return this.#open().position();
  }

  async archived(): Promise<Position> {
    return this.#open().base()?.position ?? 0;
  }

  async version(stream: StreamName): Promise<Version> {
    return this.#open().version(stream);
  }

  async read(options?: ReadOptions): Promise<readonly Recorded[]> {
    return this.#open().read(options);
  }

  async readStream(stream: StreamName, options?: ReadOptions): Promise<readonly Recorded[]> {
    return this.#open().readStream(stream, options);
  }

  async snapshot(stream: StreamName, atMost?: Version): Promise<Snapshot | undefined> {
    return this.#open().snapshot(stream, atMost);
  }

  async current(stream: StreamName): Promise<Current | undefined> {
    return this.#open().current(stream);
  }

  async statesOf(streams: readonly StreamName[]): Promise<readonly Current[]> {
    return this.#open().statesOf(streams);
  }

  async absentAmong(streams: readonly StreamName[]): Promise<readonly StreamName[]> {
    return this.#open().absentAmong(streams);
  }

  async currents(options: CurrentsPage): Promise<readonly Current[]> {
    return this.#open().currents(options);
  }

  async domainsOf(pool: string, limit: number): Promise<readonly string[]> {
    return this.#open().domainsOf(pool, limit);
  }

  onAppended(listener: Listener): () => void {
    // The same function registered twice is two listeners.
    const own: Listener = (happened) => listener(happened);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  witness(happened: Happened): void {
    this.#tell(happened);
  }

  /** Whether something else writes the file's pages back (`WriteBack`): then this log does so only when it must. */
  writtenBackBeside(is: boolean): void {
    if (!this.#closed) this.#store.writtenBackBeside(is);
  }

  /** How many current rows there are, and how many there should be; undefined: they were never counted. */
  currentRows(): { readonly kept: number; readonly expected: number | undefined } {
    return this.#open().currentRows();
  }

  /**
   * Writes the file's pages back if this many have been added since that was last done completely. Whoever calls this once
   * must keep calling it: from then on no commit does it.
   */
  writeBack(pages: number): void {
    this.#open().writeBack(pages);
  }

  /** Another process may take the directory and write: from now on this log is only read. */
  letGo(): void {
    if (this.#closed) return;
    this.#flush();
    this.#store.letGo();
  }

  /** How many owners there should be, known without counting; undefined: they were never counted. */
  get owners(): number | undefined {
    return this.#open().expectedRows();
  }

  /** Rebuilds the index of current rows if it disagrees with them; returns whether it did. */
  mendIndex(): boolean {
    return this.#open().mendIndex();
  }

  /** All current rows were checked or rebuilt: takes their number as the expected one. */
  acceptRowCount(): void {
    const store = this.#open();
    store.expectCurrentRows(store.currentRows().kept);
  }

  /** Rebuilds current rows and snapshots from the events, of all streams or of those named. */
  async rebuildCurrents(projectionOf: ProjectionOf, only?: readonly StreamName[]): Promise<Rebuilt> {
    const steps = this.rebuildingCurrents(projectionOf, only);
    for (;;) {
      const step = await steps.next();
      if (step.done === true) return step.value;
    }
  }

  /** Like `rebuildCurrents`; yields how many streams are done. */
  rebuildingCurrents(
    projectionOf: ProjectionOf,
    only?: readonly StreamName[],
  ): AsyncGenerator<number, Rebuilt> {
    return rebuilding(this.#open(), projectionOf, only);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#refusal = ['log_closed', 'expected an open log, found it closed'];
    this.#listeners.clear();
    this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #appendPrepared(prepared: Prepared, packed?: PackedAppend): Promise<Appended> {
    if (this.#gathered !== undefined) return this.#gather(prepared, packed, this.#gathered);
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ append: prepared, packed, resolve, reject });
      // At the end of this turn of the loop, so that commands read from many sockets share one fsync.
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length === 0) return;
    const ended = writeEach(group, this.#store, this.#now);
    for (const [index, waiting] of group.entries()) this.#answer(waiting, ended[index]!);
  }

  #gather(append: Prepared, packed: PackedAppend | undefined, gathered: Gathered): Appended {
    // Nothing may follow a failure: SQLite may have rolled everything back by itself, and would begin a new transaction.
    if (gathered.failed !== undefined) throw gathered.failed;
    try {
      const ended = writeTogether([{ append, packed }], this.#store, this.#now)[0]!;
      if (ended.type === 'failed') throw ended.error;
      const { appended, written } = ended;
      if (written !== undefined && written.first <= written.appended.position)
        gathered.parts.push({ ...written, append: packed });
      return appended;
    } catch (error) {
      // It may be half-written.
      gathered.failed = error;
      throw error;
    }
  }

  /**
   * If that fails, rows that nobody may rely on can still be read, and would be part of the next commit; so the log is
   * refused.
   */
  #takeBack(store: LogStore): void {
    try {
      store.rollback();
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      this.#refusal = ['log_failed', `expected to take back what was not committed, found: ${found}`];
    }
  }

  #answer(waiting: Waiting, ended: Ended): void {
    if (ended.type === 'failed') {
      waiting.reject(ended.error);
      return;
    }
    const { appended } = ended;
    if (appended.type === 'appended' && appended.events.length > 0) this.#tell(happenedOf(appended.events));
    waiting.resolve(appended);
  }

  #tell(happened: Happened): void {
    for (const listener of this.#listeners) {
      try {
        listener(happened);
      } catch (error) {
        // A listener's bug may end the process, but first all other listeners must be told what is durable.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #open(): LogStore {
    this.#requireOpen();
    return this.#store;
  }

  #requireOpen(): void {
    if (this.#refusal !== undefined) throw new LogUnavailable(...this.#refusal);
  }
}
