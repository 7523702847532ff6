/**
 * A log whose files are harmed and that is then repaired, and what must be so of it: no event that could still be read is lost, what is
 * lost is told, what is left is sound and goes on, and where nothing can be mended nothing is touched. Throws where that is not so.
 */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { type LogInspection, type LogReader, openSqliteLog, openSqliteReader } from '../../eventlog/index.ts';
import { type Verified, verification } from '../../src/cli/transport/replies.ts';
import { command } from '../cli/command.ts';
import { type Harm, type Harmable, type Harmed, mustBeTold } from '../support/harm.ts';
import { append, domainCreated, domainOf, domainState, write } from './appends.ts';
import { HarmedFiles, NOW, namesIn } from './harmed-files.ts';

type Reader = LogReader & LogInspection;
/** What the bare database still gives of what was written: the events before the first that is another, and the answers to commands. */
type Left = { readonly events: readonly unknown[]; readonly commands: readonly unknown[] };
type Repaired = NonNullable<Verified['repaired']>;

const NEW = domainOf('new.example');

export class MendedLog implements Harmable {
  readonly kind: Harmed;
  readonly bytes: number;
  readonly lastChangeAt: number;
  readonly #files: HarmedFiles;
  readonly #written: Left;

  static async make(kind: Harmed, begins: 'anew' | 'archived' = 'anew'): Promise<MendedLog> {
    const files = await HarmedFiles.make(kind, begins);
    files.lay(undefined);
    return new MendedLog(files, writtenIn(files.path));
  }

  private constructor(files: HarmedFiles, written: Left) {
    this.kind = files.kind;
    this.bytes = files.bytes;
    this.lastChangeAt = files.lastChangeAt;
    this.#files = files;
    this.#written = written;
  }

  /** How the repair ended. */
  async suffer(harm: Harm): Promise<string> {
    this.#files.lay(harm);
    const left = leftIn(this.#files.path, this.#written);
    const before = this.#files.found();
    const verified = await this.#verify();
    const repaired = await this.#repair();
    if (repaired === undefined) {
      assert.deepEqual(this.#files.found(), before, 'what cannot be mended is touched');
      return 'refused';
    }
    assert.equal(repaired.type === 'nothing', verified?.findings?.length === 0, 'verify sees another log');
    const kept = this.#kept();
    assert(kept >= left.events.length, `${left.events.length} events could be read, and ${kept} are left`);
    if (kept === this.#written.events.length) this.#requireWhole(left);
    else if (mustBeTold(this, harm)) this.#requireTold(repaired, kept);
    if (repaired.type === 'cut') this.#requireFormer(repaired.kept, before);
    await this.#requireMended();
    await this.#goOn();
    return repaired.type;
  }

  /** Undefined: it cannot be mended, which is told. */
  async #repair(): Promise<Repaired | undefined> {
    const verified = await this.#verify('--repair');
    assert.deepEqual(verified?.findings ?? [], [], 'a repaired log is not sound');
    return verified?.repaired;
  }

  async #verify(...words: readonly string[]): Promise<Verified | undefined> {
    const { out, err } = await command(['verify', ...words, '--json', '--data', this.#files.path]);
    const said: unknown = JSON.parse(out);
    if (typeof said === 'object' && said !== null && 'ok' in said) return verification.parse(said);
    assert.doesNotMatch(err, /found another answer/);
    return undefined;
  }

  #read<T>(work: (reader: Reader) => T): T {
    const reader = openSqliteReader(this.#files.path);
    try {
      return work(reader);
    } finally {
      reader.close();
    }
  }

  #kept(): number {
    const events = this.#read((reader) => reader.storedEvents(0, 10_000));
    assert.deepEqual(events, this.#written.events.slice(0, events.length), 'other events than were written');
    return events.length;
  }

  #requireTold({ type, after }: Repaired, kept: number): void {
    const begin = (this.#files.written.events[0]?.position ?? 1) - 1;
    assert.deepEqual(
      { type, after },
      { type: 'cut', after: begin + kept },
      'events are gone, and nobody is told',
    );
  }

  /** Its answers only where they could be read. */
  #requireWhole({ commands }: Left): void {
    const { currents, names } = this.#files.written;
    this.#read((reader) => {
      const found = new Map<string, unknown>();
      reader.snapshotOfCurrents((current) => found.set(current.stream, current));
      assert.deepEqual(found, currents, 'other current rows than were written');
      assert.deepEqual(namesIn(reader), names, 'other names than were written');
      const answers = reader.storedCommands('', '', 10_000);
      if (commands === this.#written.commands) assert.deepEqual(answers, commands, 'answers are gone');
    });
  }

  #requireFormer(path = '', before: Record<string, string>): void {
    const own = Object.entries(this.#files.found()).filter(([name]) => name.startsWith(basename(path)));
    const former = Object.entries(before).filter(
      ([name, bytes]) => name !== 'events.db' || !bytes.startsWith('->'),
    );
    const texts = (files: readonly (readonly [string, string])[]) => files.map(([, text]) => text).sort();
    assert(texts(own).join() === texts(former).join(), 'the log as it was is not kept');
  }

  async #requireMended(): Promise<void> {
    const before = this.#files.found();
    assert.deepEqual(await this.#repair(), { type: 'nothing' }, 'a second repair finds something');
    assert.deepEqual(
      Object.keys(this.#files.found()),
      Object.keys(before),
      'a second repair changes something',
    );
  }

  async #goOn(): Promise<void> {
    const log = openSqliteLog({ directory: this.#files.path, now: () => NOW });
    try {
      const wish = append([write(NEW, 0, [domainCreated('p0')], domainState('p0', 1))], { commandId: 'new' });
      assert.equal((await log.append(wish)).type, 'appended', 'it does not go on');
    } finally {
      await log.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}

const EVENTS = `SELECT position, stream, version, type, schema_version AS schemaVersion, data, metadata,
  recorded_at_ms AS recordedAtMs, checksum, lower(hex(hash)) AS hash FROM events`;
const COMMANDS = 'SELECT command_id AS commandId, digest, position, answer FROM commands ORDER BY command_id';

function writtenIn(directory: string): Left {
  return openedBare(directory, (db) => ({
    events: db.prepare(`${EVENTS} ORDER BY position`).all(),
    commands: db.prepare(COMMANDS).all(),
  }));
}

function leftIn(directory: string, written: Left): Left {
  const none = { events: [], commands: [] };
  return orNone(none, () =>
    openedBare(directory, (db) => {
      const at = db.prepare(`${EVENTS} WHERE position = ?`);
      const isAnother = (event: unknown) =>
        !orNone(false, () => isSame(at.get((event as { position: number }).position), event));
      const end = written.events.findIndex(isAnother);
      return {
        events: end === -1 ? written.events : written.events.slice(0, end),
        commands: orNone(false, () => isSame(db.prepare(COMMANDS).all(), written.commands))
          ? written.commands
          : [],
      };
    }),
  );
}

/** A copy: whoever reads a write-ahead log last writes it back. */
function openedBare<T>(directory: string, work: (db: Database.Database) => T): T {
  const copy = `${directory}-copy`;
  cpSync(directory, copy, { recursive: true, verbatimSymlinks: true });
  try {
    const db = new Database(join(copy, 'events.db'));
    try {
      db.pragma('cell_size_check = ON');
      return work(db);
    } finally {
      db.close();
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function orNone<T>(none: T, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Database.SqliteError) return none;
    throw error;
  }
}

function isSame(found: unknown, written: unknown): boolean {
  return JSON.stringify(found) === JSON.stringify(written);
}
