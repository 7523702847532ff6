import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  openPoints,
  openSqliteLog,
  openSqliteReader,
  type SqliteLogOptions,
} from '../../../eventlog/index.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import {
  append,
  backendAdded,
  domainCreated,
  domainOf,
  domainState,
  EXAMPLE,
  poolCreated,
  poolOf,
  WEB,
  write,
} from '../appends.ts';

const now = () => 1_700_000_000_000;
const open = (directory: string, parts: Partial<SqliteLogOptions> = {}) =>
  openSqliteLog({ directory, now, ...parts });

describe('a data directory', () => {
  it('is made where it is missing, for its owner alone', async () => {
    await using root = await tempDirectory();
    const directory = join(root.path, 'a', 'b');
    await using _log = open(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('has files for its owner alone, also one that others may look into', async () => {
    await using directory = await tempDirectory();
    chmodSync(directory.path, 0o755);
    await using log = open(directory.path);
    await log.append(append([write(WEB, 0, [poolCreated()])]));
    openPoints(directory.path)?.close();
    const modes = readdirSync(directory.path).map((name) => [
      name,
      (statSync(join(directory.path, name)).mode & 0o777).toString(8),
    ]);
    expect(modes.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'events.db',
        'events.db-shm',
        'events.db-wal',
        'history.db',
        'holder.json',
        'lock.db',
      ]),
    );
    expect(modes.filter(([, mode]) => mode !== '600')).toEqual([]);
  });

  it('gives the same log when it is opened again', async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    const wish = append([write(WEB, 0, [poolCreated()], { kept: true })]);
    await before.append(wish);
    const events = await before.read();
    await before.close();
    await using log = open(directory.path);
    expect(await log.read()).toEqual(events);
    expect(await log.current(WEB)).toEqual({ stream: WEB, version: 1, state: { kept: true } });
    expect(await log.append(wish)).toMatchObject({ type: 'repeated', position: 1 });
    expect(await log.append(append([write(WEB, 1, [backendAdded('a')])]))).toMatchObject({ position: 2 });
  });

  it('tells the names of all its domains, however many a pool has', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const hosts = Array.from({ length: 5300 }, (_, index) => `d${index}.example`);
    const poolAt = (index: number) => (index % 50 === 0 ? `p${index}` : 'large');
    await log.append(
      append(
        hosts.map((host, index) =>
          write(domainOf(host), 0, [domainCreated(poolAt(index))], domainState(poolAt(index), 1)),
        ),
      ),
    );
    const found: string[] = [];
    expect(log.reader.domainNames((streams) => void found.push(...streams.split('\n')))).toBe(hosts.length);
    expect(found.toSorted()).toEqual(hosts.map((host) => `domain-${host}`).toSorted());
  });

  it('is refused to a second holder, who is told of the first', async () => {
    await using directory = await tempDirectory();
    await using _log = open(directory.path);
    expect(() => open(directory.path)).toThrow(
      expect.objectContaining({
        code: 'data_held',
        message: expect.stringContaining(`process ${process.pid} since 2023-11-14T22:13:20.000Z`),
      }),
    );
  });

  it.each(['', 'null', '7', '{"pid":7}', '{"since":"now"}'])(
    'is held also where %j is all that its holder says of itself',
    async (said) => {
      await using directory = await tempDirectory();
      await using _log = open(directory.path);
      writeFileSync(join(directory.path, 'holder.json'), said);
      const message = expect.stringContaining('held by a process that has not said who it is');
      expect(() => open(directory.path)).toThrow(expect.objectContaining({ code: 'data_held', message }));
    },
  );

  it('whose lock is no lock is held by nobody, and is refused as what it is', async () => {
    await using directory = await tempDirectory();
    writeFileSync(join(directory.path, 'lock.db'), 'this is a note, not a database; '.repeat(8));
    expect(() => open(directory.path)).toThrow(
      expect.objectContaining({ code: 'data_foreign', message: expect.stringContaining('lock.db') }),
    );
  });

  it('is free again once it is closed', async () => {
    await using directory = await tempDirectory();
    await open(directory.path).close();
    expect(existsSync(join(directory.path, 'holder.json'))).toBe(false);
    await open(directory.path).close();
  });

  it("that is let go is another's, beside whom it is read, and closing it takes nothing from him", async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    const asked = before.append(append([write(WEB, 0, [poolCreated()])]));
    before.letGo();
    expect(await asked).toMatchObject({ type: 'appended', position: 1 });
    await using other = open(directory.path);
    await other.append(append([write(WEB, 1, [backendAdded('a')])]));
    expect(await before.version(WEB)).toBe(2);
    const late = before.append(append([write(WEB, 2, [backendAdded('b')])]));
    await expect(late).rejects.toMatchObject({ code: 'log_closed' });
    await before.close();
    expect(existsSync(join(directory.path, 'holder.json'))).toBe(true);
    expect(() => open(directory.path)).toThrow(expect.objectContaining({ code: 'data_held' }));
    expect(await other.version(WEB)).toBe(2);
  });

  it('is free again where opening it failed', async () => {
    await using directory = await tempDirectory();
    const file = join(directory.path, 'events.db');
    writeFileSync(
      file,
      'this is a note, not a database; it is long enough to have had a header of one hundred bytes.....',
    );
    expect(() => open(directory.path)).toThrow(expect.objectContaining({ code: 'data_foreign' }));
    expect(() => open(directory.path)).toThrow(expect.objectContaining({ code: 'data_foreign' }));
  });

  it.each([
    ['a database of another program', 'data_foreign', 'CREATE TABLE songs (title TEXT)'],
    ['a database with another application id', 'data_foreign', 'PRAGMA application_id = 77'],
    ['a log of a newer format', 'data_newer', 'PRAGMA application_id = 0x73777964; PRAGMA user_version = 3'],
  ])('with %s in it is refused and left as it is', async (_name, code, sql) => {
    await using directory = await tempDirectory();
    const file = join(directory.path, 'events.db');
    const foreign = new Database(file);
    foreign.exec(sql);
    foreign.close();
    const size = statSync(file).size;
    expect(() => open(directory.path)).toThrow(expect.objectContaining({ name: 'DataUnusable', code }));
    expect(() => openSqliteReader(directory.path)).toThrow(
      expect.objectContaining({ name: 'DataUnusable', code }),
    );
    expect(statSync(file).size).toBe(size);
    expect(new Database(file, { readonly: true }).pragma('journal_mode', { simple: true })).toBe('delete');
  });

  it.each([
    ['of a newer format', 'data_newer', 'PRAGMA user_version = 9'],
    ['of another program', 'data_foreign', 'PRAGMA application_id = 77'],
  ])('with a log %s is left byte by byte as a crash left it', async (_name, code, sql) => {
    await using directory = await tempDirectory();
    await using crashed = await tempDirectory();
    await open(directory.path).close();
    const newer = new Database(join(directory.path, 'events.db'));
    newer.exec(sql);
    newer.exec('CREATE TABLE of_tomorrow (x)');
    for (const name of readdirSync(directory.path))
      copyFileSync(join(directory.path, name), join(crashed.path, name));
    newer.close();
    // All but the index of the -wal, which is memory that those who have the file open share.
    const bytes = () =>
      Object.fromEntries(
        readdirSync(crashed.path)
          .filter((name) => !name.endsWith('-shm'))
          .map((name) => [name, readFileSync(join(crashed.path, name), 'latin1')]),
      );
    const before = bytes();
    expect(before['events.db-wal']?.length).toBeGreaterThan(0);
    const refused = expect.objectContaining({ name: 'DataUnusable', code });
    expect(() => open(crashed.path)).toThrow(refused);
    expect(() => openSqliteReader(crashed.path)).toThrow(refused);
    expect(bytes()).toEqual(before);
  });

  it('that holder.json cannot be written in is let go again', async () => {
    await using directory = await tempDirectory();
    mkdirSync(join(directory.path, 'holder.json'));
    expect(() => open(directory.path)).toThrow(expect.objectContaining({ code: 'data_unreadable' }));
    rmdirSync(join(directory.path, 'holder.json'));
    await open(directory.path).close();
  });

  it('that is no directory is refused, naming it', async () => {
    await using root = await tempDirectory();
    const file = join(root.path, 'file');
    writeFileSync(file, '');
    expect(() => open(file)).toThrow(
      expect.objectContaining({ code: 'data_unreadable', message: expect.stringContaining(file) }),
    );
    mkdirSync(join(root.path, 'events.db'));
    expect(() => open(root.path)).toThrow(expect.objectContaining({ code: 'data_unreadable' }));
  });

  it('whose path is longer than SQLite takes for all its files is refused, with how long it may be', async () => {
    await using root = await tempDirectory();
    const long = (bytes: number) => {
      const above = join(realpathSync(root.path), 'x'.repeat(240));
      return join(above, 'x'.repeat(bytes - above.length - 1));
    };
    await open(long(476)).close();
    const message = expect.stringContaining('at most 476 bytes, found 477: /');
    expect(() => open(long(477))).toThrow(expect.objectContaining({ code: 'data_unreadable', message }));
  });

  it('without a log has nothing to read', async () => {
    await using directory = await tempDirectory();
    expect(() => openSqliteReader(directory.path)).toThrow(
      expect.objectContaining({ code: 'data_unreadable', message: expect.stringContaining('no such file') }),
    );
  });
});

describe('history in the database', () => {
  it.each([
    'UPDATE events SET data = \'{"settings":{}}\'',
    'UPDATE events SET position = position + 10',
    'DELETE FROM events',
    'DELETE FROM events WHERE position = 2',
    'INSERT OR REPLACE INTO events SELECT * FROM events WHERE position = 1',
    'INSERT INTO events SELECT position + 5, stream, version + 5, type, schema_version, data, metadata, recorded_at_ms, checksum, hash FROM events',
    "INSERT INTO events SELECT 3, 'pool-x', 2, type, schema_version, data, metadata, recorded_at_ms, checksum, hash FROM events WHERE position = 1",
    "UPDATE commands SET answer = '1'",
    'DELETE FROM commands',
    "INSERT OR REPLACE INTO commands SELECT command_id, 'other', position, answer FROM commands",
  ])('refuses %s, whoever asks', async (sql) => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await log.append(append([write(WEB, 0, [poolCreated(), backendAdded('a')])]));
    const other = new Database(join(directory.path, 'events.db'));
    // As a program would have it that was not built with our SQLite's defaults.
    other.pragma('recursive_triggers = ON');
    expect(() => other.exec(sql)).toThrow(/append-only|dense/);
    other.close();
    expect(await log.read()).toHaveLength(2);
  });
});

describe('an append in trouble', () => {
  it('is refused as full, nothing of its group is written, and the log goes on', async () => {
    await using directory = await tempDirectory();
    const log = open(directory.path, { maxBytes: 200_000 });
    let version = 0;
    const big = () =>
      append([write(WEB, version, [backendAdded(`b${version}`)], { filler: 'x'.repeat(20_000) })]);
    const other = (index: number) =>
      append([write(poolOf(`p${index}-${version}`), 0, [poolCreated()], { filler: 'x'.repeat(20_000) })]);
    await log.append(append([write(WEB, 0, [poolCreated()])]));
    version = 1;
    const settled: PromiseSettledResult<unknown>[] = [];
    while (settled.every(({ status }) => status === 'fulfilled')) {
      settled.push(
        ...(await Promise.allSettled([log.append(other(1)), log.append(big()), log.append(other(2))])),
      );
      version += 1;
    }
    expect(settled.slice(-3)).toEqual(
      Array(3).fill({
        status: 'rejected',
        reason: expect.objectContaining({ name: 'LogUnavailable', code: 'log_full' }),
      }),
    );
    version -= 1;
    expect(await log.version(WEB)).toBe(version);
    expect(await log.version(poolOf(`p1-${version}`))).toBe(0);
    const events = await log.read();
    await log.close();
    await using larger = open(directory.path);
    expect(await larger.read()).toEqual(events);
    expect(await larger.append(big())).toMatchObject({ type: 'appended', position: events.length + 1 });
  });

  it('is refused as locked while another writes, and the log goes on', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const wish = append([write(WEB, 0, [poolCreated()])]);
    const other = new Database(join(directory.path, 'events.db'));
    other.exec('BEGIN IMMEDIATE');
    await expect(log.append(wish)).rejects.toMatchObject({ name: 'LogUnavailable', code: 'log_locked' });
    other.exec('ROLLBACK');
    other.close();
    expect(await log.append(wish)).toMatchObject({ type: 'appended', position: 1 });
  });

  it('of its own does not disturb the others of its group, and leaves nothing half-written', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const other = new Database(join(directory.path, 'events.db'));
    other.exec(`CREATE TRIGGER trouble BEFORE INSERT ON currents WHEN NEW.stream = 'domain-bad.example'
      BEGIN SELECT RAISE(ABORT, 'trouble of this row alone'); END`);
    other.close();
    const bad = append([
      write(poolOf('half'), 0, [poolCreated()]),
      write(domainOf('bad.example'), 0, [domainCreated()], domainState('web', 1)),
    ]);
    const settled = await Promise.allSettled([
      log.append(append([write(WEB, 0, [poolCreated()])])),
      log.append(bad),
      log.append(append([write(EXAMPLE, 0, [domainCreated()], domainState('web', 1))])),
    ]);
    expect(settled).toMatchObject([
      { status: 'fulfilled', value: { position: 1 } },
      {
        status: 'rejected',
        reason: { code: 'log_failed', message: expect.stringContaining('trouble of this row') },
      },
      { status: 'fulfilled', value: { position: 2 } },
    ]);
    expect(await log.version(poolOf('half'))).toBe(0);
    expect(await log.answered(bad.commandId)).toBeUndefined();
  });
});

describe('a reader beside the writer', () => {
  it('sees what was committed, at once', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const reader = openSqliteReader(directory.path);
    expect(reader.position()).toBe(0);
    await log.append(append([write(EXAMPLE, 0, [domainCreated()], domainState('web', 1))]));
    expect(reader.position()).toBe(1);
    expect(reader.current(EXAMPLE)).toEqual({ stream: EXAMPLE, version: 1, state: domainState('web', 1) });
    expect(reader.read()).toEqual(await log.read());
    expect(reader.readStream(EXAMPLE)).toEqual(await log.readStream(EXAMPLE));
    reader.close();
  });

  it('visits the current rows of one moment, however long it takes', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const hosts = ['a.example', 'b.example', 'c.example'];
    await log.append(
      append(hosts.map((host) => write(domainOf(host), 0, [domainCreated()], domainState('web', 1)))),
    );
    const other = new Database(join(directory.path, 'events.db'));
    const reader = openSqliteReader(directory.path);
    const visited: string[] = [];
    const position = reader.snapshotOfCurrents(({ stream }) => {
      visited.push(stream);
      other.prepare('DELETE FROM currents WHERE stream = ?').run('domain-c.example');
    });
    expect(visited).toEqual(['domain-a.example', 'domain-b.example', 'domain-c.example']);
    expect(position).toBe(3);
    expect(reader.current(domainOf('c.example'))).toBeUndefined();
    reader.close();
    other.close();
  });

  it('reads a directory at rest, and leaves it as it was', async () => {
    await using directory = await tempDirectory();
    const log = open(directory.path);
    await log.append(append([write(WEB, 0, [poolCreated()], { at: 'rest' })]));
    await log.close();
    const reader = openSqliteReader(directory.path);
    expect(reader.current(WEB)?.state).toEqual({ at: 'rest' });
    reader.close();
    await using again = open(directory.path);
    expect(await again.position()).toBe(1);
  });

  it('changes no byte of a log as a crash left it', async () => {
    await using directory = await tempDirectory();
    await using crashed = await tempDirectory();
    const log = open(directory.path);
    await log.append(append([write(WEB, 0, [poolCreated()])]));
    const files = ['events.db', 'events.db-wal'];
    for (const name of files) copyFileSync(join(directory.path, name), join(crashed.path, name));
    await log.close();
    const bytes = () => files.map((name) => readFileSync(join(crashed.path, name), 'latin1'));
    const before = bytes();
    const reader = openSqliteReader(crashed.path);
    expect(reader.version(WEB)).toBe(1);
    reader.close();
    expect(bytes()).toEqual(before);
  });
});
