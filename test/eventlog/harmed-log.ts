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
import { type Harm, type Harmable, type Harmed, harmed, mustBeTold } from '../support/harm.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { longEvent } from '../support/torn-page.ts';
import { lastChangeIn } from '../support/write-ahead-log.ts';
import { append, domainCreated, write } from './appends.ts';

type Reader = LogReader & LogInspection;
type Original = {
  readonly events: readonly Recorded[];
  readonly currents: ReadonlyMap<string, unknown>;
  readonly names: readonly string[];
};
type Read = { readonly whole: boolean; readonly told: boolean };
type Files = ReadonlyMap<string, Buffer>;

const MAIN = 'events.db';
const WAL = `${MAIN}-wal`;
const NOW = 1_700_000_000_000;
const NEW = 'domain-new.example' as StreamName;
const BEGUN = domainCreated('p0');
const STATE = evolveOwner(NEW, null, { ...BEGUN, version: 1 }) as Json;

export class HarmedLog implements Harmable {
  readonly kind: Harmed;
  readonly #place: TempDirectory;
  readonly #files: Files;
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
    return new HarmedLog(kind, await tempDirectory(), files, original);
  }

  private constructor(kind: Harmed, place: TempDirectory, files: Files, original: Original) {
    this.kind = kind;
    this.#place = place;
    this.#files = files;
    this.#harmed = kind === 'file' ? MAIN : WAL;
    this.#original = original;
  }

  get bytes(): number {
    return this.#files.get(this.#harmed)!.length;
  }

  get lastChangeAt(): number {
    return this.kind === 'file' ? this.bytes : lastChangeIn(this.#files.get(WAL)!, 4096);
  }

  async suffer(harm: Harm): Promise<void> {
    const isTold = mustBeTold(this, harm);
    for (const left of ['', '-wal', '-shm']) rmSync(join(this.#place.path, MAIN + left), { force: true });
    for (const [name, bytes] of this.#files)
      writeFileSync(join(this.#place.path, name), name === this.#harmed ? harmed(bytes, harm) : bytes);
    const before = await this.#read();
    if (before !== undefined && isTold) assert(before.whole || before.told, 'what is missing is not told');
    const said = await this.#start();
    if (said === undefined) return;
    const after = await this.#read(NEW);
    if (after !== undefined && isTold && before?.told !== true)
      assert(after.whole || after.told || said.length > 0, 'after a start, what is missing is not told');
  }

  /** `begun`: an owner that a start appended. Undefined: it cannot be opened. */
  async #read(begun?: StreamName): Promise<Read | undefined> {
    const reader = orDamage(() => openSqliteReader(this.#place.path));
    if (reader === 'damaged') return undefined;
    try {
      const whole = readsAsWritten(reader, this.#original, begun, this.kind);
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
    const processLog = createProcessLog({ level: 'warn', destination });
    const log = await orRefused(new LogAtHand(this.#place.path, processLog).openFirst());
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
  await past.happen(domain(9, 'DomainCreated', 1), ['pool-p3', { type: 'PoolRemoved', data: {} }]);
  const quarantined = { id: 'b7' as never, cause: 'connect_refused', untilMs: NOW + 5000 } as const;
  await past.happen(['pool-p0', { type: 'BackendQuarantined', data: quarantined }]);
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
function readsAsWritten(
  reader: Reader,
  { events, currents, names }: Original,
  begun: StreamName | undefined,
  kind: Harmed,
): boolean {
  // A start makes missing rows anew, from what is left of the events; without the end of a write-ahead log, all is as it was.
  const mayBeBehind = begun !== undefined || kind === 'wal';
  const read = orDamage(() => reader.read({ limit: 10_000 }));
  let whole = read !== 'damaged';
  if (read !== 'damaged') {
    const own = read.at(-1)?.stream === begun ? read.slice(0, -1) : read;
    // What a start appended has the place of what was lost.
    assert.deepEqual(own, events.slice(0, own.length));
    whole &&= own.length === events.length;
  }
  const found = orDamage(() => namesIn(reader));
  if (found === 'damaged' || found.filter((name) => name !== begun).join() !== names.join()) whole = false;
  for (const stream of new Set(events.map((event) => event.stream))) {
    const own = events.filter((event) => event.stream === stream);
    const found = orDamage(() => reader.readStream(stream, { limit: 10_000 }));
    if (found !== 'damaged') assert.deepEqual(found, own.slice(0, found.length));
    if (found === 'damaged' || found.length !== own.length) whole = false;
    const current = orDamage(() => reader.current(stream as StreamName));
    const wanted = currents.get(stream) as { version: number } | undefined;
    const isBehind = mayBeBehind && current !== 'damaged' && current?.version !== wanted?.version;
    if (current === 'damaged' || current === undefined || isBehind) whole &&= current === wanted;
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
