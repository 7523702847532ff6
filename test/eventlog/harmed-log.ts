/**
 * A log whose files are harmed, and what must be so of it all the same: nothing is read that was not written, what is missing is told,
 * and a start goes on with all of it, or says that it does not. Throws where that is not so.
 */
import assert from 'node:assert/strict';
import { evolveOwner } from '../../actors/index.ts';
import {
  DataUnusable,
  EventUnreadable,
  type Json,
  type LogInspection,
  type LogReader,
  LogUnavailable,
  openSqliteReader,
  type StreamName,
  verify,
} from '../../eventlog/index.ts';
import { projectionOf } from '../../src/projection.ts';
import { LogAtHand } from '../../src/router/log-at-hand.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';
import { type Harm, type Harmable, type Harmed, mustBeTold } from '../support/harm.ts';
import { append, domainCreated, write } from './appends.ts';
import { HarmedFiles, namesIn, type Written } from './harmed-files.ts';

type Reader = LogReader & LogInspection;
type Read = { readonly whole: boolean; readonly told: boolean };

const NEW = 'domain-new.example' as StreamName;
const BEGUN = domainCreated('p0');
const STATE = evolveOwner(NEW, null, { ...BEGUN, version: 1 }) as Json;

export class HarmedLog implements Harmable {
  readonly kind: Harmed;
  readonly bytes: number;
  readonly lastChangeAt: number;
  readonly #files: HarmedFiles;

  static async make(kind: Harmed): Promise<HarmedLog> {
    return new HarmedLog(await HarmedFiles.make(kind));
  }

  private constructor(files: HarmedFiles) {
    this.kind = files.kind;
    this.bytes = files.bytes;
    this.lastChangeAt = files.lastChangeAt;
    this.#files = files;
  }

  async suffer(harm: Harm): Promise<void> {
    const isTold = mustBeTold(this, harm);
    this.#files.lay(harm);
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
    const reader = orDamage(() => openSqliteReader(this.#files.path));
    if (reader === 'damaged') return undefined;
    try {
      const whole = readsAsWritten(reader, this.#files.written, begun, this.kind);
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
    const log = await orRefused(new LogAtHand(this.#files.path, processLog).openFirst());
    if (log === 'refused') return undefined;
    try {
      await orRefused(log.append(append([write(NEW, 0, [BEGUN], STATE)], { commandId: 'new' })));
    } finally {
      await log.close();
    }
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}

/** False where something is missing; throws where something else is read. */
function readsAsWritten(
  reader: Reader,
  { events, currents, names }: Written,
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
export function requireOurWords(error: unknown): void {
  if (error instanceof EventUnreadable) assert.match(error.message, /^event \d+ of /);
  else if (!(error instanceof LogUnavailable || error instanceof DataUnusable)) throw error;
  assert(!(error instanceof DataUnusable && error.code === 'data_held'), 'the directory is held still');
}
