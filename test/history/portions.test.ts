import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { LONG_ANSWERERS } from '../../src/history/answerers.ts';
import {
  answerOf,
  archiveLog,
  HistoryThread,
  LocalHistory,
  repairing,
  roomOf,
  sourcesOf,
} from '../../src/history/index.ts';
import { scene } from '../admin/scene.ts';
import { command } from '../cli/command.ts';
import { tamper } from '../support/tamper.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { longEvent, tearPage } from '../support/torn-page.ts';
import { withPools } from './past.ts';

let directory: TempDirectory;
let data: string;
const at = (name: string) => join(directory.path, name);

beforeEach(async () => {
  directory = await tempDirectory();
  data = at('data');
  const log = openSqliteLog({ directory: data, now: () => Date.parse('2026-01-31T14:03:00Z') });
  const past = await withPools(log, 10);
  await past.happen([
    'domain-a.example',
    { type: 'DomainCreated', data: { settings: { pool: 'p3' as never } } },
  ]);
  await past.happen(['pool-p0', { type: 'PoolRemoved', data: {} }]);
  await log.close();
});
afterEach(() => directory[Symbol.asyncDispose]());

async function run(line: string, place = data): Promise<{ code: number; out: string; err: string }> {
  return command([...line.split(' '), '--data', place]);
}

async function state(place: string, moment = ''): Promise<unknown> {
  return JSON.parse((await run(`state --json${moment}`, place)).out);
}

const NOTE =
  'switchyard: positions up to 8 are archived, and not in this log; read them with --data FILE, the file that archive wrote\n';

describe('an export', () => {
  it('is one file that --data opens: positions, chain and state are those of the log', async () => {
    const file = at('part.db');
    expect(await run(`export ${file} --from 5 --to 11`)).toMatchObject({ code: 0 });
    expect((await run('verify', file)).out).toBe('7 events, all as written\n');
    expect(await state(file)).toEqual(await state(data, ' --at 11'));
    expect(await state(file, ' --at 7')).toEqual(await state(data, ' --at 7'));
    expect(await state(file, ' --at 4')).toEqual(await state(data, ' --at 4'));
    expect((await run('events --json', file)).out).toBe((await run('events --from 5 --to 11 --json')).out);
    const early = await run('state --at 3', file);
    expect(early).toMatchObject({ code: 1 });
    expect(early.err).toContain('at: expected a position from 4, where this log begins, found 3');
  });

  it('never overwrites, and says what it cannot do', async () => {
    const file = at('part.db');
    await run(`export ${file}`);
    expect((await run(`export ${file}`)).err).toContain(
      'expected to write a new file, found that it exists already',
    );
    expect((await run(`export ${at('nowhere/part.db')}`)).err).toContain(
      'expected to write a new file, found no directory to put it in',
    );
    expect((await run(`export ${at('other.db')} --to 13`)).err).toContain('expected a position up to 12');
    expect(existsSync(at('other.db'))).toBe(false);
  });
});

describe('what is written of a log', () => {
  const steps = async (work: AsyncGenerator<unknown, unknown>) => {
    const said: unknown[] = [];
    for await (const step of work) said.push(step);
    return said;
  };

  it('says how far it is: with what came before, the events, and what they come to', async () => {
    const past = sourcesOf(data, Date.now);
    const room = roomOf(past.sources(), new AbortController().signal);
    const from = { type: 'position', position: 5 } as const;
    expect(await steps(LONG_ANSWERERS.export({ from, path: at('part.db') }, room))).toEqual([
      { writing: 'base', done: 4, of: 8 },
      { writing: 'base', done: 8, of: 8 },
      { writing: 'events', done: 8, of: 8 },
      { writing: 'owners', done: 12, of: 12 },
    ]);
    const whole = await steps(
      LONG_ANSWERERS.archive({ before: 9, file: at('old.db'), fresh: at('fresh.db') }, room),
    );
    expect(whole).toContainEqual({ writing: 'events', done: 8, of: 8 });
    expect(whole.at(-1)).toEqual({ writing: 'owners', done: 12, of: 12 });
    past.close();
  });

  it('goes to who takes lines piece by piece, in Base64, and what it holds last', async () => {
    const large = openSqliteLog({ directory: at('large'), now: Date.now });
    const pages = [...'abcdefgh'].map((kind) => [kind, kind.repeat(65_536)]);
    const settings = { pool: 'p0', errorPages: Object.fromEntries(pages) } as never;
    const happened = await withPools(large, 1);
    await happened.happen(['domain-a.example', { type: 'DomainCreated', data: { settings } }]);
    await large.close();
    await mkdir(at('scratch'));
    vi.stubEnv('TMPDIR', at('scratch'));
    const past = sourcesOf(at('large'), Date.now);
    await using stage = await scene({ history: new LocalHistory(past) });
    const headers = { accept: 'application/x-ndjson', 'content-type': 'application/json' };
    const asked = (lines: object) =>
      fetch(`http://${stage.address}/v1/export`, { method: 'POST', headers: { ...headers, ...lines } });
    const text = await (await asked({})).text();
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const pieces = lines.flatMap(({ piece }) => (piece === undefined ? [] : [Buffer.from(piece, 'base64')]));
    const { length } = Buffer.concat(pieces);
    expect(pieces.length).toBeGreaterThan(2);
    expect(lines.at(-2).progress).toEqual({ writing: 'file', done: length, of: length });
    expect(lines.at(-1)).toEqual({ from: 1, to: 2, events: 2, segments: 0 });
    const whole = await (await asked({ accept: '*/*' })).arrayBuffer();
    expect(Buffer.concat(pieces).equals(Buffer.from(whole))).toBe(true);
    await expect.poll(() => readdirSync(at('scratch'))).toEqual([]);
    vi.unstubAllEnvs();
    past.close();
  });

  it.each(['export FILE', 'archive FILE --before 9'])('is shown on a terminal alone: %s', async (verb) => {
    const line = (file: string) => [...verb.replace('FILE', at(file)).split(' '), '--data', data];
    const { err, code } = await command(line('one.db'), { tty: true });
    const [before, first, ...more] = err.split('\r\x1b[K');
    expect({ code, before, first, last: more.at(-1) }).toEqual({
      code: 0,
      before: '',
      first: 'reading the log',
      last: '',
    });
    await rm(at('one.db'));
    const quiet = verb.startsWith('archive') ? 'archive FILE --before 11' : verb;
    const again = [...quiet.replace('FILE', at('two.db')).split(' '), '--data', data];
    expect(await command(again)).toMatchObject({ err: '', code: 0 });
    expect((await command([...line('three.db'), '--json'], { tty: true })).err).not.toContain('\r');
  });
});

describe('an export where nothing can be written', () => {
  it('says where', async () => {
    vi.stubEnv('TMPDIR', at('nowhere'));
    const { code, err } = await run(`export ${at('part.db')}`);
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    expect(err).toContain(`switchyard: expected to write in TMPDIR, ${at('nowhere')}: ENOENT`);
  });
});

describe('an archive', () => {
  it('takes the beginning away, and the log goes on from what it came to', async () => {
    const [now, then] = [await state(data), await state(data, ' --at 8')];
    const events = (await run('events --json')).out;
    expect(await run(`archive ${at('old.db')} --before 9`)).toMatchObject({ code: 0 });
    expect(await state(data)).toEqual(now);
    expect(await state(data, ' --at 8')).toEqual(then);
    expect((await run('verify')).out).toBe('4 events, all as written\n');
    expect((await run('verify', at('old.db'))).out).toBe('8 events, all as written\n');
    expect((await run('events --json', at('old.db'))).out + (await run('events --json')).out).toBe(events);
    const refused = (await run('state --at 7')).err;
    expect(refused).toContain('where this log begins');
    expect(refused).toContain('verbs that read take the file that archive wrote: --data FILE');
    const counted = await run(
      'query SELECT/**/min(position),max(position),count(*)/**/FROM/**/v1_events --json',
    );
    expect(JSON.parse(counted.out)).toEqual({
      columns: expect.anything(),
      rows: [[9, 12, 4]],
      truncated: false,
      archived: 8,
    });
    expect(counted.err).toBe(NOTE);
    expect((await run('events --json --reverse')).out.trim().split('\n')).toHaveLength(4);
    expect((await run('events --json --reverse --stream pool-p0')).out).toContain('PoolRemoved');

    const log = openSqliteLog({ directory: data, now: Date.now });
    expect(await log.version('pool-p0' as never)).toBe(2);
    expect(await log.current('pool-p3' as never)).toMatchObject({ version: 1 });
    await log.close();
    expect(await run(`archive ${at('more.db')} --before 13`)).toMatchObject({ code: 0 });
    expect((await run('verify')).out).toBe('0 events, all as written\n');
    expect(await state(data)).toEqual(now);
  });

  it('that does not come to its end leaves no file that says it did, and may be tried again', async () => {
    const [file, fresh] = [at('old.db'), at('fresh.db')];
    const past = sourcesOf(data, Date.now);
    const room = roomOf(past.sources(), new AbortController().signal);
    const given = LONG_ANSWERERS.archive({ before: 9, file, fresh: at('nowhere/fresh.db') }, room);
    await expect(answerOf(given)).rejects.toThrow('fresh.db');
    expect(existsSync(file)).toBe(false);

    const left = LONG_ANSWERERS.archive({ before: 9, file, fresh }, room);
    while (!existsSync(file)) expect((await left.next()).done).toBe(false);
    await left.return(undefined as never);
    past.close();
    expect([existsSync(file), existsSync(fresh)]).toEqual([false, false]);
    expect(await run(`archive ${file} --before 9`)).toMatchObject({ code: 0 });
  });

  it('is told of where events of it are asked for', async () => {
    await run(`archive ${at('old.db')} --before 9`);
    for (const asked of [
      'events',
      'events --from 3 --json',
      'events --type PoolRemoved',
      'events --last 5',
      'events --reverse --json',
    ])
      expect(await run(asked)).toMatchObject({ code: 0, err: NOTE });
    expect((await run('events --to 5')).err).toBe(`${NOTE}switchyard: no event matches\n`);
    for (const asked of [
      'events --from 9',
      'events --since 9',
      'events --last 4',
      'events --reverse --limit 2',
    ])
      expect(await run(asked)).toMatchObject({ code: 0, err: '' });
    expect(await run('events', at('old.db'))).toMatchObject({ code: 0, err: '' });
  });

  it('is told of by a query that asks for events of then, and by no other', async () => {
    let ms = Date.parse('2026-01-31T14:03:00Z');
    const place = at('timed');
    const log = openSqliteLog({ directory: place, now: () => (ms += 1000) });
    await withPools(log, 10);
    await log.close();
    await run(`archive ${at('old.db')} --before 9`, place);
    const told = async (sql: string, bounds = '') =>
      (await run(`query ${sql.replaceAll(' ', '/**/')}${bounds}`, place)).err;
    expect(await told('SELECT 1')).toBe('');
    expect(await told('SELECT * FROM v1_requests')).toBe('');
    expect(await told('SELECT * FROM v1_events')).toBe(NOTE);
    expect(await told('SELECT * FROM v1_events', ' --since 8')).toBe(NOTE);
    expect(await told('SELECT * FROM v1_events', ' --since 9')).toBe('');
    expect(await told("SELECT * FROM v1_events('2026-01-31T14:03:02Z')")).toBe(NOTE);
    expect(await told("SELECT * FROM v1_events('2026-01-31T14:04:00Z')")).toBe('');
  });

  it('has the last change of what was not changed since, and explain says so', async () => {
    const notes = async () => JSON.parse((await run('explain --host a.example --json')).out).notes;
    expect(await notes()).not.toContainEqual(expect.stringContaining('archive'));
    await run(`archive ${at('old.db')} --before 11`);
    expect(await notes()).toContain(
      'who changed the pool last is in the archive, which has positions up to 10',
    );
    await run(`archive ${at('more.db')} --before 12`);
    expect(await notes()).toContain(
      'who changed the domain and the pool last is in the archive, which has positions up to 11',
    );
  });

  it('has the changes that could be undone', async () => {
    let ms = Date.parse('2026-01-31T14:03:00Z');
    const place = at('timed');
    const log = openSqliteLog({ directory: place, now: () => (ms += 1000) });
    const world = await withPools(log, 9);
    const made = (pool: string) => [pool, { type: 'PoolCreated', data: { settings: {} } }] as const;
    await world.happen(made('pool-a'), made('pool-b'));
    await log.close();
    const past = sourcesOf(place, Date.now);
    const change = (position: number) => new LocalHistory(past).ask('undone', { position });
    await run(`archive ${at('old.db')} --before 9`, place);
    await expect(change(8)).rejects.toMatchObject({
      word: 'archived',
      message:
        'change: expected a position from 9, the first event of this log, found 8; the archive knows of it',
      members: { begins: 8 },
    });
    expect(await change(9)).toMatchObject({ first: 9, last: 9 });
    expect(await change(11)).toMatchObject({ first: 10, last: 11 });
    past.close();
  });

  it('begins with a change, and of half of one nothing is undone where another file begins with it', async () => {
    let ms = Date.parse('2026-01-31T14:03:00Z');
    const place = at('timed');
    const log = openSqliteLog({ directory: place, now: () => (ms += 1000) });
    const world = await withPools(log, 9);
    const made = (pool: string) => [pool, { type: 'PoolCreated', data: { settings: {} } }] as const;
    await world.happen(made('pool-a'), made('pool-b'));
    await world.happen(made('pool-c'));
    await log.close();
    const refused = await run(`archive ${at('old.db')} --before 11`, place);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain(
      'before: expected the first position of a change, found 11 in the midst of one: it begins at 10, the next at 12',
    );
    expect(existsSync(at('old.db'))).toBe(false);
    await run(`export ${at('half.db')} --from 11`, place);
    const past = sourcesOf(at('half.db'), Date.now);
    const half = new LocalHistory(past);
    const rollbackTo = (position: number) =>
      half.ask('restoration', { to: { type: 'position', position }, scope: undefined });
    await expect(half.ask('undone', { position: 11 })).rejects.toMatchObject({ word: 'archived' });
    await expect(rollbackTo(10)).rejects.toMatchObject({
      message:
        'to: expected a position between changes, found 10, which may be in the midst of the one that ends at 11, as the archive knows',
    });
    expect(await rollbackTo(11)).toMatchObject({ to: 11 });
    past.close();
    expect(await run(`archive ${at('old.db')} --before 10`, place)).toMatchObject({ code: 0 });
  });

  it('is refused for what is not there, and while another holds the log', async () => {
    expect((await run(`archive ${at('old.db')} --before 14`)).err).toContain(
      'before: expected a position from 2 to 13, found 14',
    );
    expect((await run(`archive ${at('old.db')} --before 1`)).err).toContain('found 1');
    const log = openSqliteLog({ directory: data, now: Date.now });
    expect((await run(`archive ${at('old.db')} --before 5`)).err).toContain('found it held by process');
    await log.close();
    expect(existsSync(at('old.db'))).toBe(false);
  });

  it.each(['data/history.db', 'data/archiving.db', 'link/old.db', 'data/journal/segment-00000001.db'])(
    'is refused as %s, which is in the data directory',
    async (name) => {
      await symlink(data, at('link'));
      await mkdir(join(data, 'journal'), { recursive: true });
      const { code, err } = await run(`archive ${at(name)} --before 9`);
      expect([code, err]).toEqual([
        1,
        `switchyard: file: expected a place of its own, found ${at(name)}, in the data directory\n`,
      ]);
    },
  );

  it('is refused, as a question wrongly put, where it would overwrite a file or has no directory', async () => {
    const router = new HistoryThread({ directory: data, flush: async () => {} });
    const log = () => assert.fail('expected the log to be left alone');
    const put = (file: string) =>
      answerOf(archiveLog({ history: router, directory: data, log }, { before: 5, file }));
    await writeFile(at('here.db'), 'dear');
    await expect(put(at('here.db'))).rejects.toMatchObject({
      word: 'invalid_query',
      message: expect.stringContaining('exists already'),
    });
    await expect(put(at('no/where.db'))).rejects.toMatchObject({
      word: 'invalid_query',
      message: expect.stringContaining('no such directory'),
    });
    await expect(put(join(at('here.db'), 'more.db'))).rejects.toMatchObject({
      word: 'invalid_query',
      message: expect.stringContaining('no such directory'),
    });
    await expect(put(join(at('here.db'), 'no', 'more.db'))).rejects.toMatchObject({
      word: 'invalid_query',
      message: expect.stringContaining('no such directory'),
    });
    await expect(put('here.db')).rejects.toMatchObject({ word: 'invalid_query' });
    await expect(put(at('a\0b.db'))).rejects.toMatchObject({ word: 'invalid_query' });
    expect(await readFile(at('here.db'), 'utf8')).toBe('dear');
    await writeFile(at('new.db.partial'), 'diary');
    await expect(put(at('new.db'))).rejects.toMatchObject({
      word: 'invalid_query',
      message: expect.stringContaining('new.db.partial, found that it exists already'),
    });
    expect(await readFile(at('new.db.partial'), 'utf8')).toBe('diary');
  });

  it('does away with what a killed one left in the data directory', async () => {
    for (const left of ['archiving.db', 'archiving.db.partial', 'archiving.db.partial-wal'])
      await writeFile(join(data, left), 'half of one');
    expect(await run(`archive ${at('old.db')} --before 9`)).toMatchObject({ code: 0 });
    expect(readdirSync(data).filter((name) => name.startsWith('archiving'))).toEqual([]);
  });
});

describe('a damaged log', () => {
  it('answers queries and searches about what precedes and what follows, and names the place', async () => {
    const place = at('timed');
    let ms = Date.parse('2026-01-31T14:03:00Z');
    const log = openSqliteLog({ directory: place, now: () => (ms += 1000) });
    await withPools(log, 10);
    await log.close();
    tamper(place, "UPDATE events SET data = '{}' WHERE position = 7");
    const positions = async (bounds: string) => {
      const { rows } = JSON.parse(
        (await run(`query SELECT/**/position/**/FROM/**/v1_events --json${bounds}`, place)).out,
      );
      return rows.flat();
    };
    expect(await positions(' --until 6')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await positions(' --since 8')).toEqual([8, 9, 10]);
    expect(await positions(' --since 3 --until 5')).toEqual([3, 4, 5]);
    expect((await run('query SELECT/**/1/**/FROM/**/v1_events', place)).err).toContain('event 7 of pool-p6');
    expect((await run('events --from 6 --limit 2', place)).out).toContain(
      '\n7  unreadable: event 7 of pool-p6',
    );
  });
});

describe('a repair', () => {
  it('cuts a damaged log after its last good event, and keeps it as it was', async () => {
    const then = await state(data, ' --at 6');
    tamper(
      data,
      "UPDATE events SET data = '{}' WHERE position = 7; DELETE FROM currents WHERE stream = 'pool-p6'",
    );
    const found = await run('verify --json');
    expect(JSON.parse(found.out)).toMatchObject({ ok: false, firstBad: 7 });
    // What precedes the damage is answered, and what does not says what it lacks.
    expect(await state(data, ' --at 6')).toEqual(then);
    expect((await run('state --at 8')).err).toContain('event 7 of pool-p6');
    const repaired = await run('verify --repair');
    expect(repaired).toMatchObject({ code: 0 });
    expect(repaired.out).toContain('cut after position 6; the log as it was is kept as');
    expect(repaired.out).toContain('6 events, all as written');
    expect(await state(data)).toEqual(then);
    const kept = readdirSync(data).find(
      (name) => name.startsWith('events-damaged-after-6-') && name.endsWith('.db'),
    );
    expect(JSON.parse((await run('verify --json', join(data, kept ?? ''))).out)).toMatchObject({
      firstBad: 7,
    });
    expect((await run('verify --repair')).out).toContain('nothing to repair');
  });

  it.each([
    [
      'makes again',
      "UPDATE currents SET state = '{}' WHERE stream = 'pool-p4'",
      [{ writing: 'rows', done: 11, of: 11 }],
    ],
    [
      'writes anew',
      'DELETE FROM events WHERE position = 4',
      [
        { writing: 'events', done: 3, of: 3 },
        { writing: 'owners', done: 3, of: 3 },
      ],
    ],
  ])('says how far it is with what it checks and %s', async (_, sql, written) => {
    tamper(data, sql);
    const said: unknown[] = [];
    for await (const step of repairing(data, Date.now)) said.push(step);
    const [checked, rest] = [said.slice(0, -written.length), said.slice(-written.length)];
    expect(checked).toContainEqual({ checking: 'file', done: 0, of: 1 });
    expect(checked.every((step) => 'checking' in (step as object))).toBe(true);
    expect(rest).toEqual(written);
  });

  it('cuts where the file itself cannot be read', async () => {
    const place = at('torn');
    const log = openSqliteLog({ directory: place, now: Date.now });
    const past = await withPools(log, 4);
    await past.happen(['domain-a.example', longEvent('p1')]);
    await past.happen(['pool-p0', { type: 'PoolRemoved', data: {} }]);
    await log.close();
    const then = await state(place, ' --at 4');
    tearPage(place);
    expect((await run('verify --repair', place)).out).toContain('cut after position 4');
    expect((await run('verify', place)).out).toBe('4 events, all as written\n');
    expect(await state(place)).toEqual(then);
  });

  it('cuts where an event is missing', async () => {
    tamper(data, 'DELETE FROM events WHERE position = 4');
    expect((await run('verify --repair')).out).toContain('cut after position 3');
  });

  it('does away with what a killed one left', async () => {
    for (const left of ['repairing.db', 'repairing.db.partial', 'repairing.db.partial-wal'])
      await writeFile(join(data, left), 'half of one');
    tamper(data, 'DELETE FROM events WHERE position = 4');
    expect((await run('verify --repair')).out).toContain('cut after position 3');
    expect(readdirSync(data).filter((name) => name.startsWith('repairing'))).toEqual([]);
  });

  /** As a kill leaves it, and then with a damaged write-ahead log, which is returned. */
  async function damagedWriteAhead(killed: string): Promise<Buffer> {
    const place = at('living');
    const log = openSqliteLog({ directory: place, now: Date.now });
    const past = await withPools(log, 4);
    log.writeBack(0);
    for (const pool of ['p0', 'p1', 'p2'])
      await past.happen([`pool-${pool}`, { type: 'PoolRemoved', data: {} }]);
    await mkdir(killed);
    for (const name of ['events.db', 'events.db-wal'])
      writeFileSync(join(killed, name), readFileSync(join(place, name)));
    await log.close();
    const wal = readFileSync(join(killed, 'events.db-wal'));
    // In the midst of the first frame.
    wal[500]! ^= 1;
    writeFileSync(join(killed, 'events.db-wal'), wal);
    return wal;
  }

  it('does without what is behind damage of the write-ahead log, and keeps that', async () => {
    const killed = at('killed');
    const wal = await damagedWriteAhead(killed);
    const file = readFileSync(join(killed, 'events.db'));
    const damage = 'frame 1 of its write-ahead log damaged, with changes behind it that were acknowledged';
    expect((await run('verify', killed)).out).toContain(damage);
    expect(() => openSqliteLog({ directory: killed, now: Date.now })).toThrow('verify --repair');
    expect((await run('verify --repair', killed)).out).toContain(damage);
    expect((await run('verify', killed)).out).toMatch(/^\d events, all as written\n$/);
    const [kept = '', keptBeside = ''] = readdirSync(killed).filter((name) => /^events-damaged-/.test(name));
    expect(readFileSync(join(killed, kept))).toEqual(file);
    expect(readFileSync(join(killed, keptBeside))).toEqual(wal);
  });

  it('that does not come to its end leaves what is behind damage of the write-ahead log', async () => {
    const killed = at('killed');
    const wal = await damagedWriteAhead(killed);
    const steps = repairing(killed, Date.now);
    for (let step = await steps.next(); !('writing' in step.value); step = await steps.next())
      expect(step.done).toBe(false);
    await steps.return(undefined as never);
    expect(readFileSync(join(killed, 'events.db-wal'))).toEqual(wal);
    expect((await run('verify --repair', killed)).out).toContain('its write-ahead log damaged');
  });

  it.each([
    // Only there the position, 5, is behind the name, and the pool before it.
    ['streams', Buffer.from('pool-p4\x05')],
    ['domains', Buffer.from('p3domain-a.example')],
  ])('loses nothing where only the index of %s is damaged', async (_, entry) => {
    const now = await state(data);
    const file = readFileSync(join(data, 'events.db'));
    const place = file.indexOf(entry);
    expect(place).toBeGreaterThan(0);
    file[place] = (file[place] ?? 0) ^ 1;
    writeFileSync(join(data, 'events.db'), file);
    expect((await run('verify')).code).toBe(1);
    const { out } = await run('verify --repair');
    expect(out).toContain('written anew, up to its last position 12; the log as it was is kept as');
    expect(out).toContain('12 events, all as written');
    expect(await state(data)).toEqual(now);
  });

  // A record begins with the types of its columns, and 0 is NULL's, also as two bytes: the state's; or that of the stream, two before
  // the type, which gets the stream's seven bytes in addition.
  it.each([
    [
      'the state of a current row',
      'pool-p4{',
      [-4, [0x80, 0]],
      'current_wrong at position 5 of pool-p4: expected',
      '12 events, all',
    ],
    [
      'the stream of an event',
      'pool-p4Pool',
      [-9, [0, 9, 35 + 14]],
      'event_unreadable at position 5 of : expected',
      'cut after position 4;',
    ],
  ] as const)('mends what has no value any more: %s', async (_, text, [at, bytes], told, mended) => {
    const file = readFileSync(join(data, 'events.db'));
    const place = file.indexOf(text);
    expect(place).toBeGreaterThan(0);
    file.set(bytes, place + at);
    writeFileSync(join(data, 'events.db'), file);
    expect((await run('verify')).out).toContain(told);
    expect((await run('verify --repair')).out).toContain(mended);
    expect((await run('verify')).code).toBe(0);
  });

  it('loses the answers to commands where they cannot be read, and no event', async () => {
    const now = await state(data);
    const db = new Database(join(data, 'events.db'));
    const root = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'commands'").pluck().get();
    db.close();
    const file = readFileSync(join(data, 'events.db'));
    // No page is of this kind.
    file[(Number(root) - 1) * 4096] = 0xff;
    writeFileSync(join(data, 'events.db'), file);
    expect((await run('verify --repair')).out).toContain('written anew, up to its last position 12');
    expect((await run('verify')).out).toBe('12 events, all as written\n');
    expect(await state(data)).toEqual(now);
  });

  it('loses nothing where only caches are wrong', async () => {
    const now = await state(data);
    tamper(data, "UPDATE currents SET state = '{}' WHERE stream = 'pool-p4'");
    expect((await run('verify')).code).toBe(1);
    expect((await run('verify --repair')).out).toBe(
      'current rows and snapshots were made again from the events\n12 events, all as written\n',
    );
    expect(await state(data)).toEqual(now);
  });
});
