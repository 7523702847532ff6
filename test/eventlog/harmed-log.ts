/**
 * A log whose files are harmed, and what must be so of it all the same: nothing is read that was not written, what is missing is told,
 * and a start goes on with all of it, or says that it does not. Throws where that is not so.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evolveOwner } from '../../actors/index.ts';
import {
  DataUnusable,
  EventUnreadable,
  type Json,
  type LogInspection,
  type LogReader,
  LogUnavailable,
  openSqliteLog,
  openSqliteReader,
  type Recorded,
  type StreamName,
  verify,
} from '../../eventlog/index.ts';
import { projectionOf } from '../../src/projection.ts';
import { LogAtHand } from '../../src/router/log-at-hand.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';
import { Past } from '../history/past.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { longEvent } from '../support/torn-page.ts';
import { lastChangeIn } from '../support/write-ahead-log.ts';
import { append, domainCreated, write } from './appends.ts';

/** `file`: as a router leaves it that was stopped; `wal`: as a kill does. */
export type Harmed = 'file' | 'wal';
export type Change = (bytes: Buffer) => Buffer;

type Reader = LogReader & LogInspection;
type Original = {
  readonly events: readonly Recorded[];
  readonly currents: ReadonlyMap<string, unknown>;
  readonly names: readonly string[];
};
type Read = { readonly whole: boolean; readonly told: boolean };

const MAIN = 'events.db';
const WAL = `${MAIN}-wal`;
const NOW = 1_700_000_000_000;
const NEW = 'domain-new.example' as StreamName;
const BEGUN = domainCreated('p0');
const STATE = evolveOwner(NEW, null, { ...BEGUN, version: 1 }) as Json;

export class HarmedLog {
  readonly #place: TempDirectory;
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #harmed: string;
  readonly #original: Original;

  static async make(kind: Harmed): Promise<HarmedLog> {
    await using live = await tempDirectory();
    const log = openSqliteLog({ directory: live.path, now: () => NOW });
    const past = new Past(log);
    await began(past);
    // All of that is in the file, and the rest beside it.
    log.writeBack(0);
    await wentOn(past);
    const original = all(log.reader);
    if (kind === 'file') await log.close();
    const names = kind === 'file' ? [MAIN] : [MAIN, WAL];
    const files = new Map(names.map((name) => [name, readFileSync(join(live.path, name))] as const));
    await log.close();
    return new HarmedLog(await tempDirectory(), files, names.at(-1)!, original);
  }

  private constructor(
    place: TempDirectory,
    files: ReadonlyMap<string, Buffer>,
    harmed: string,
    original: Original,
  ) {
    this.#place = place;
    this.#files = files;
    this.#harmed = harmed;
    this.#original = original;
  }

  get bytes(): number {
    return this.#files.get(this.#harmed)!.length;
  }

  /** Of a write-ahead log, the first byte of its last transaction: damage from there on looks as after a power cut. */
  get lastChangeAt(): number {
    return lastChangeIn(this.#files.get(WAL)!, 4096);
  }

  /** `isTold`: what is missing has to be told. */
  async with(change: Change, isTold = true): Promise<void> {
    for (const left of ['', '-wal', '-shm']) rmSync(join(this.#place.path, MAIN + left), { force: true });
    for (const [name, bytes] of this.#files) {
      const written = name === this.#harmed ? change(Buffer.from(bytes)) : bytes;
      writeFileSync(join(this.#place.path, name), written);
    }
    const before = await this.#read();
    if (before !== undefined && isTold) assert(before.whole || before.told, 'what is missing is not told');
    const said = await this.#start();
    if (said === undefined) return;
    const after = await this.#read();
    if (after !== undefined && isTold && before?.told !== true)
      assert(after.whole || after.told || said.length > 0, 'after a start, what is missing is not told');
  }

  /** Undefined: it cannot be opened. */
  async #read(): Promise<Read | undefined> {
    const reader = orDamage(() => openSqliteReader(this.#place.path));
    if (reader === 'damaged') return undefined;
    try {
      const whole = readsAsWritten(reader, this.#original);
      const { findings } = await verify(reader, projectionOf);
      return { whole, told: findings.length > 0 };
    } finally {
      reader.close();
    }
  }

  /** Begins as a router does, and appends; what it warned of, or undefined where it is refused. */
  async #start(): Promise<readonly string[] | undefined> {
    const said: string[] = [];
    const destination = { write: (line: string) => void said.push(line) };
    const tidings = createProcessLog({ level: 'warn', destination });
    const log = await orRefused(new LogAtHand(this.#place.path, tidings).openFirst());
    if (log === 'refused') return undefined;
    try {
      await orRefused(log.append(append([write(NEW, 0, [BEGUN], STATE)], { commandId: 'new' })));
    } finally {
      await log.close();
    }
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
  }
}

async function began(past: Past): Promise<void> {
  for (let pool = 0; pool < 4; pool++)
    await past.happen([`pool-p${pool}`, { type: 'PoolCreated', data: { settings: {} } }]);
  for (let host = 0; host < 12; host++) await past.happen(domain(host, 'DomainCreated', host));
  const backends = Array.from({ length: 110 }, (_, id) => ({
    type: 'BackendAdded' as const,
    data: { id: `b${id}` as never, backend: { address: `10.0.0.${id}:80` } },
  }));
  await past.happen(...backends.map((event) => ['pool-p0', event] as const));
  await past.happen(['domain-long.example', longEvent('p1')]);
}

async function wentOn(past: Past): Promise<void> {
  for (let host = 0; host < 8; host++) await past.happen(domain(host, 'DomainChanged', host + 1));
  await past.happen(['domain-d9.example', { type: 'DomainRemoved', data: {} }]);
  for (let host = 20; host < 28; host++) await past.happen(domain(host, 'DomainCreated', host));
}

function domain(host: number, type: 'DomainCreated' | 'DomainChanged', pool: number) {
  const event = { type, data: { settings: { pool: `p${pool % 4}` as never } } };
  return [`domain-d${host}.example`, event] as const;
}

function all(reader: Reader): Original {
  const currents = new Map<string, unknown>();
  reader.snapshotOfCurrents((current) => currents.set(current.stream, current));
  return { events: reader.read({ limit: 10_000 }), currents, names: namesIn(reader) };
}

/** False where something is missing; throws where something else is read. */
function readsAsWritten(reader: Reader, { events, currents, names }: Original): boolean {
  const read = orDamage(() => reader.read({ limit: 10_000 }));
  let whole = read !== 'damaged' && read.length >= events.length;
  if (read !== 'damaged') {
    const own = read.at(-1)?.stream === NEW ? read.slice(0, -1) : read;
    // What a start appended has the place of what was lost.
    assert.deepEqual(own, events.slice(0, own.length));
    whole &&= own.length === events.length;
  }
  const found = orDamage(() => namesIn(reader));
  if (found === 'damaged' || names.some((name) => !found.includes(name))) whole = false;
  for (const stream of new Set(events.map((event) => event.stream))) {
    const own = events.filter((event) => event.stream === stream);
    const found = orDamage(() => reader.readStream(stream, { limit: 10_000 }));
    if (found !== 'damaged') assert.deepEqual(found, own.slice(0, found.length));
    if (found === 'damaged' || found.length !== own.length) whole = false;
    const current = orDamage(() => reader.current(stream as StreamName));
    const wanted = currents.get(stream) as { version: number } | undefined;
    if (current === 'damaged' || current?.version !== wanted?.version) whole = false;
    else assert.deepEqual(current, wanted);
  }
  return whole;
}

/** As their index has them, which no checksum seals. */
function namesIn(reader: Reader): readonly string[] {
  const names: string[] = [];
  reader.domainNames((streams) => void names.push(...streams.split('\n')));
  return names;
}

function orDamage<T>(work: () => T): T | 'damaged' {
  try {
    return work();
  } catch (error) {
    requireOurWords(error);
    return 'damaged';
  }
}

async function orRefused<T>(work: Promise<T>): Promise<T | 'refused'> {
  try {
    return await work;
  } catch (error) {
    requireOurWords(error);
    return 'refused';
  }
}

/** An error of SQLite's or a TypeError is nobody's to read. */
function requireOurWords(error: unknown): void {
  if (error instanceof EventUnreadable) assert.match(error.message, /^event \d+ of /);
  else if (!(error instanceof LogUnavailable || error instanceof DataUnusable)) throw error;
  assert(!(error instanceof DataUnusable && error.code === 'data_held'), 'the directory is held still');
}
