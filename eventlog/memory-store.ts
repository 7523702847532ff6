/** The rows of a log in memory: for tests, and for a router whose changes need not outlive it. */
import { parseJson } from './events/canonical.ts';
import { codec } from './events/codec.ts';
import type { Recorded } from './events/events.ts';
import type { ChainedEvent } from './events/stored-event.ts';
import type {
  CurrentsPage,
  Kept,
  LogStore,
  StoredCommand,
  StoredCurrent,
  StoredOwner,
  StoredRow,
  StoredSnapshot,
  StreamPlace,
  StreamsPage,
} from './log-reader.ts';
import { kindOf, ownerNameOf, type StreamName } from './names.ts';
import type { Position, Version } from './position.ts';
import { rangeOf, requireWhole, within } from './read-range.ts';
import type { Current, ReadOptions, Snapshot } from './readings.ts';
import { poolsNamedBy } from './settings/pool-of.ts';

export class MemoryStore implements LogStore {
  readonly #events: ChainedEvent[] = [];
  readonly #streams = new Map<string, ChainedEvent[]>();
  readonly #commands = new Map<string, StoredCommand>();
  readonly #currents = new Map<string, StoredCurrent>();
  readonly #snapshots = new Map<string, StoredSnapshot[]>();
  /** Names of current rows in order; undefined once a row came or went. */
  #order: readonly string[] | undefined;

  transaction(work: () => void): void {
    // Nothing here can fail half-way: an append is judged before its first row is kept.
    work();
  }

  begin(): void {
    throw new TypeError('expected rows that are kept in a file: of those in memory none can be taken back');
  }

  commit(): void {}

  abandon(): void {}

  position(): Position {
    return this.#events.length;
  }

  version(stream: StreamName): Version {
    return this.#streams.get(stream)?.length ?? 0;
  }

  read(options?: ReadOptions): readonly Recorded[] {
    return decoded(this.#events, options);
  }

  readStream(stream: StreamName, options?: ReadOptions): readonly Recorded[] {
    return decoded(this.#streams.get(stream) ?? [], options);
  }

  snapshot(stream: StreamName, atMost: Version = Number.MAX_SAFE_INTEGER): Snapshot | undefined {
    const found = this.#snapshots.get(stream)?.findLast((snapshot) => snapshot.version <= atMost);
    return found && { ...found, stream, state: parseJson(found.state) };
  }

  current(stream: StreamName): Current | undefined {
    const row = this.#currents.get(stream);
    return row && opened(row);
  }

  statesOf(streams: readonly StreamName[]): readonly Current[] {
    return streams.map((stream) => this.#stateOf(stream));
  }

  versionsOf(streams: readonly StreamName[]): readonly Version[] {
    return streams.map((stream) => this.version(stream));
  }

  absentAmong(streams: readonly StreamName[]): readonly StreamName[] {
    return streams.filter((stream) => !this.#currents.has(stream));
  }

  activate(stream: StreamName): Current & { readonly position: Position } {
    return { ...this.#stateOf(stream), position: this.position() };
  }

  domainNames(visit: (streams: string) => void): Position {
    for (const name of this.#currents.keys()) if (kindOf(name) === 'domain') visit(name);
    return this.position();
  }

  currents({
    kind,
    after = '',
    limit,
    characters = Number.POSITIVE_INFINITY,
  }: CurrentsPage): readonly Current[] {
    requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
    const from = after > `${kind}-` ? after : `${kind}-`;
    const rows = this.#names()
      .filter((name) => name > from && name < `${kind}.`)
      .slice(0, limit)
      .map((name) => this.#currents.get(name)!);
    return [...within(rows, characters, ({ state }) => state)].map(opened);
  }

  domainsOf(pool: string, limit: number): readonly string[] {
    requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
    return this.#names()
      .filter((name) => poolsNamedBy(name, this.#currents.get(name)!.state).includes(pool))
      .slice(0, limit)
      .map((name) => ownerNameOf(name));
  }

  snapshotOfCurrents(visit: (current: Current) => void): Position {
    for (const name of this.#names()) visit(opened(this.#currents.get(name)!));
    return this.position();
  }

  currentRows(): { readonly kept: number; readonly expected: number } {
    return { kept: this.#currents.size, expected: this.#currents.size };
  }

  expectedRows(): number {
    return this.#currents.size;
  }

  expectCurrentRows(): void {}

  /** What is kept together in memory is lost together. */
  streamsOutOfDate(): readonly StreamName[] {
    return [];
  }

  /** A log in memory is never archived. */
  base(): undefined {}

  baseState(): undefined {}

  baseStates(): readonly Kept<StoredCurrent>[] {
    return [];
  }

  insertBaseStates(): void {
    this.layBase();
  }

  layBase(): void {
    throw new TypeError('expected a log in a file to lay a base in, found one in memory');
  }

  storedCommand(commandId: string): StoredCommand | undefined {
    return this.command(commandId);
  }

  storedCommands(prefix: string, after: string, limit: number): readonly StoredCommand[] {
    const ids = inOrder(this.#commands.keys().filter((id) => id.startsWith(prefix) && id > after));
    return ids.slice(0, limit).map((id) => this.#commands.get(id)!);
  }

  structuralDamage(): readonly string[] {
    return [];
  }

  storedEvents(
    from: number,
    limit: number,
    characters: number = Number.POSITIVE_INFINITY,
  ): readonly ChainedEvent[] {
    return [...within(this.#events.slice(from - 1, from - 1 + limit), characters, ({ data }) => data)];
  }

  storedEventsOf(stream: string, from: Version, limit: number): readonly ChainedEvent[] {
    return (this.#streams.get(stream) ?? []).slice(from - 1, from - 1 + limit);
  }

  storedEventsByStream(
    { stream, version }: StreamPlace,
    { to, limit, characters }: StreamsPage,
  ): readonly ChainedEvent[] {
    const follows = (event: ChainedEvent) =>
      event.position <= to && (event.stream > stream || event.version > version);
    const streams = inOrder(this.#streams.keys().filter((name) => name >= stream));
    const events = streams.flatMap((name) => this.#streams.get(name)!.filter(follows)).slice(0, limit);
    return [...within(events, characters, ({ data }) => data)];
  }

  positionOf(stream: string, version: Version): Position {
    return this.#streams.get(stream)?.[version - 1]?.position ?? 0;
  }

  indexedAt(from: number, limit: number): readonly Position[] {
    return this.storedEvents(from, limit).map(({ stream, version }) => this.positionOf(stream, version));
  }

  streamsAt(from: number, limit: number): readonly string[] {
    return this.storedEvents(from, limit).map(({ stream }) => stream);
  }

  streams(after: string, limit: number): readonly string[] {
    return inOrder(this.#streams.keys().filter((name) => name > after)).slice(0, limit);
  }

  storedCurrents(after: string, limit: number): readonly Kept<StoredCurrent>[] {
    const names = this.#names().filter((name) => name > after);
    return names.slice(0, limit).map((name) => ({ ...this.#currents.get(name)!, intact: true }));
  }

  storedCurrent(stream: string): Kept<StoredCurrent> | undefined {
    const row = this.#currents.get(stream);
    return row && { ...row, intact: true };
  }

  sizeOfCurrents(most: number): { readonly rows: number; readonly bytes: number } {
    const rows = [...this.#currents.values()].slice(0, most);
    return { rows: rows.length, bytes: rows.reduce((sum, { state }) => sum + Buffer.byteLength(state), 0) };
  }

  storedSnapshots(stream: string, after: Version, limit: number): readonly Kept<StoredSnapshot>[] {
    const snapshots = (this.#snapshots.get(stream) ?? []).filter(({ version }) => version > after);
    return snapshots.slice(0, limit).map((snapshot) => ({ ...snapshot, intact: true }));
  }

  storedOwners(streams: readonly string[]): readonly StoredOwner[] {
    return streams.map((stream) => ({
      stream,
      base: undefined,
      events: this.#streams.get(stream) ?? [],
      current: this.storedCurrent(stream),
      snapshots: this.storedSnapshots(stream, 0, Number.MAX_SAFE_INTEGER),
    }));
  }

  rowsOf(after: string, limit: number): readonly StoredRow[] {
    const isKnown = (stream: string) => this.#streams.has(stream);
    return this.storedCurrents(after, limit).map((row) => ({ ...row, isKnown: isKnown(row.stream) }));
  }

  tip(): ChainedEvent | undefined {
    return this.#events.at(-1);
  }

  command(commandId: string): StoredCommand | undefined {
    return this.#commands.get(commandId);
  }

  insertEvents(events: readonly ChainedEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      listAt(this.#streams, event.stream).push(event);
    }
  }

  insertCommand(command: StoredCommand): void {
    this.#commands.set(command.commandId, command);
  }

  insertSnapshot(snapshot: StoredSnapshot): void {
    listAt(this.#snapshots, snapshot.stream).push(snapshot);
  }

  putCurrents(rows: readonly StoredCurrent[]): void {
    for (const row of rows) {
      if (!this.#currents.has(row.stream)) this.#order = undefined;
      this.#currents.set(row.stream, row);
    }
  }

  removeCurrent(stream: string): void {
    if (this.#currents.delete(stream)) this.#order = undefined;
  }

  dropCaches(stream: string): void {
    this.removeCurrent(stream);
    this.#snapshots.delete(stream);
  }

  writtenBackBeside(): void {
    // There is no file.
  }

  /** Nobody else has it. */
  letGo(): void {}

  writeBack(): void {
    // Nor here.
  }

  close(): void {
    // The rows go with whoever still holds them.
  }

  #stateOf(stream: StreamName): Current {
    return this.current(stream) ?? { stream, version: this.version(stream), state: null };
  }

  #names(): readonly string[] {
    this.#order ??= inOrder(this.#currents.keys());
    return this.#order;
  }
}

function decoded(rows: readonly ChainedEvent[], options: ReadOptions | undefined): readonly Recorded[] {
  const { from, to, limit, characters } = rangeOf(options);
  const asked = rows.slice(from - 1, Math.min(to, from - 1 + limit));
  return [...within(asked, characters, ({ data }) => data)].map(codec.decode);
}

function opened({ stream, version, state }: StoredCurrent): Current {
  return { stream: stream as StreamName, version, state: parseJson(state) };
}

function inOrder(names: Iterable<string>): string[] {
  return [...names].sort();
}

function listAt<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
