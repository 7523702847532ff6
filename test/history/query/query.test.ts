import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attachArena, keyOf, type Lease } from '../../../actors/index.ts';
import {
  type JournalReader,
  openJournalReader,
  type QueryAnswer,
  QueryRefused,
  runQuery,
  writeName,
} from '../../../eventlog/index.ts';
import { query } from '../../../src/history/query/query.ts';
import type { Room } from '../../../src/history/room.ts';
import { JournalledPool, nobody } from '../../actors/pool/ledger/journalled-pool.ts';
import { finished, record } from '../../eventlog/journal/desk.ts';
import { temporaryDirectory } from '../../eventlog/journal/temporary-directory.ts';

const DOCS = join(import.meta.dirname, '../../../docs/command-line.md');

/** A journal of three requests, one of which was sent twice, and a log of none. */
async function roomWith(): Promise<Room> {
  const directory = temporaryDirectory();
  const pool = new JournalledPool(directory);
  await pool.define({ 'web.1': {}, 'web.2': {} });
  for (let sequence = 1; sequence <= 3; sequence++) {
    const lease = pool.lease();
    const startedAtMs = pool.nowMs;
    pool.pass(20);
    pool.ledger.checkin(lease, pool.nowMs, 'finished');
    const request = finished({
      sequence,
      startedAtMs,
      endedAtMs: pool.nowMs,
      poolKey: keyOf('web'),
      status: sequence === 3 ? 503 : 200,
    });
    if (sequence === 3)
      Object.assign(request.addAttempt(), { backendKey: keyOf('web.2'), ticket: 1, startedAtMs, end: 0 });
    Object.assign(request.addAttempt(), { backendKey: lease.backendKey, ticket: lease.ticket, startedAtMs });
    record(pool.ring, request);
    pool.pass(1000);
  }
  writeName(pool.ring, keyOf('web'), 'web');
  pool.turn();
  pool.close();
  return roomIn(directory);
}

function roomIn(directory: string): Room {
  const journal: JournalReader = openJournalReader(directory);
  const log = { position: () => 0, base: () => undefined, read: () => [] } as unknown as Room['log'];
  return {
    log,
    points: () => undefined,
    journal: () => journal,
    now: Date.now,
    signal: new AbortController().signal,
    breathe: async () => {},
    directory,
    damage: () => [],
  };
}

const ask = (room: Room, sql: string, limit = 100): Promise<QueryAnswer> => query({ sql, limit }, room);

describe('query', () => {
  it('has requests, attempts and leases as tables', async () => {
    const room = await roomWith();
    expect(
      await ask(room, 'SELECT pool, status, attempts, duration_ms FROM v1_requests ORDER BY started_at'),
    ).toEqual({
      columns: ['pool', 'status', 'attempts', 'duration_ms'],
      rows: [
        ['web', 200, 1, 20],
        ['web', 200, 1, 20],
        ['web', 503, 2, 20],
      ],
      truncated: false,
    });
    const attempts =
      'SELECT number, backend, outcome, is_last FROM v1_attempts WHERE number = 2 OR is_last = 0';
    expect((await ask(room, attempts)).rows).toEqual([
      [1, 'web.2', 'connect_failed', 0],
      [2, expect.stringMatching(/^web\.[12]$/), 'responded', 1],
    ]);
    expect((await ask(room, 'SELECT count(*), sum(held_ms), max(ended) FROM v1_leases')).rows).toEqual([
      [3, 60, 'finished'],
    ]);
  });

  it('has a lease with its end, whichever thread gave it and whichever gave it back', async () => {
    const directory = temporaryDirectory();
    const pool = new JournalledPool(directory);
    await pool.define({ 'web.1': { limit: 1 } });
    const other = attachArena(pool.main.shared, 1, () => {}).pool(keyOf('web'));
    const first = other?.checkout(pool.nowMs, [], nobody());
    if (other === undefined || first === undefined || typeof first === 'string') throw new Error('no lease');
    const granted: Lease[] = [];
    const waiter = { ...nobody(), granted: (lease: Lease) => granted.push(lease) };
    expect(pool.ledger.checkout(pool.nowMs, [], waiter)).toBe('queued');
    pool.pass(5);
    other.checkin(first, pool.nowMs, 'finished');
    pool.main.deliver();
    pool.pass(7);
    pool.ledger.checkin(granted[0]!, pool.nowMs, 'client_gone');
    // Of each thread all is written together, so this thread's giving back comes before the other's giving.
    pool.turn();
    pool.close();
    const sql = 'SELECT thread, queued_ms, held_ms, ended FROM v1_leases ORDER BY given_at_ms';
    expect((await ask(roomIn(directory), sql)).rows).toEqual([
      [1, 0, 5, 'finished'],
      [0, 5, 7, 'client_gone'],
    ]);
  });

  it('has the leases of a thread that died as given back when it was reaped, and no others', async () => {
    const directory = temporaryDirectory();
    const pool = new JournalledPool(directory);
    await pool.define({ 'web.1': { limit: 2 } });
    const other = attachArena(pool.main.shared, pool.main.enlist(), () => {}).pool(keyOf('web'));
    const [own, its] = [pool.lease(), other?.checkout(pool.nowMs, [], nobody())];
    expect(its).toBeTypeOf('object');
    expect(other?.checkout(pool.nowMs, [], nobody())).toBe('queued');
    pool.pass(5);
    // It is granted what this one gives back, and dies before it hears of it.
    pool.ledger.checkin(own, pool.nowMs, 'finished');
    pool.pass(7);
    await pool.main.reap(1, pool.nowMs);
    const last = pool.lease();
    expect(last.row).toBe(own.row);
    pool.turn();
    pool.close();
    const sql = 'SELECT thread, queued_ms, held_ms, ended FROM v1_leases ORDER BY given_at_ms, held_ms';
    expect((await ask(roomIn(directory), sql)).rows).toEqual([
      [0, 0, 5, 'finished'],
      [1, 0, 12, 'reaped'],
      [1, 5, 7, 'reaped'],
      [0, 0, null, null],
    ]);
  });

  it('reads only the time that is asked for', async () => {
    const room = await roomWith();
    const [first] = (await ask(room, 'SELECT min(started_at_ms) FROM v1_requests')).rows[0] ?? [];
    const later = `SELECT count(*) FROM v1_requests(${Number(first) + 1})`;
    expect((await ask(room, later)).rows).toEqual([[2]]);
    const between = `SELECT count(*) FROM v1_requests WHERE since = ${Number(first)} AND until = ${Number(first) + 1}`;
    expect((await ask(room, between)).rows).toEqual([[1]]);
    const at = { type: 'time', ms: Number(first) } as const;
    const wish = { sql: 'SELECT count(*) FROM v1_requests', limit: 1, until: at };
    expect((await query(wish, room)).rows).toEqual([[1]]);
    // Nothing was recorded yet.
    const nothing = { ...wish, until: { type: 'position', position: 0 } } as const;
    expect((await query(nothing, room)).rows).toEqual([[0]]);
    await expect(ask(room, "SELECT * FROM v1_requests('yesterday')")).rejects.toThrow(
      'since: expected a time',
    );
  });

  it('says exactly what JSON would round', async () => {
    const room = await roomWith();
    const { rows } = await ask(
      room,
      `SELECT 9007199254740991, 9007199254740992, -9007199254740993, 9223372036854775807, 0.5, 1e999, -1e999, x'00ff'`,
    );
    expect(rows).toEqual([
      [
        9007199254740991,
        '9007199254740992',
        '-9007199254740993',
        '9223372036854775807',
        0.5,
        'Infinity',
        '-Infinity',
        '00ff',
      ],
    ]);
  });

  it('says when there is more than was asked for', async () => {
    const room = await roomWith();
    const answer = await ask(room, 'SELECT id FROM v1_requests', 2);
    expect(answer).toMatchObject({ truncated: true, rows: [[expect.any(String)], [expect.any(String)]] });
  });

  it.each([
    ['DELETE FROM v1_requests', 'expected one SELECT'],
    ["ATTACH '/tmp/x.db' AS x", 'expected one SELECT'],
    ['PRAGMA user_version', 'expected one SELECT'],
    ["VACUUM INTO '/tmp/x.db'", 'expected one SELECT'],
    ['SELECT 1; SELECT 2', 'expected one statement'],
    ['WITH x AS (SELECT 1) DELETE FROM v1_requests', ''],
    [
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n',
      'without RECURSIVE',
    ],
    ['WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n', 'without RECURSIVE'],
    [
      "SELECT /* ' */ (WITH ReCursive n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT max(i) FROM n) -- '",
      'without RECURSIVE',
    ],
    [
      'SELECT nowhere FROM v1_requests',
      'no such column: nowhere; SELECT * FROM … LIMIT 1 shows the columns of a view',
    ],
    [
      'SELECT * FROM events',
      'no such table: events; there are v1_events, v1_requests, v1_attempts, v1_leases',
    ],
    ['SELEC', 'expected one SELECT'],
    ['SELECT ?', 'expected values, found a place for one'],
    ['SELECT ?1', 'expected values, found a place for one'],
    ['SELECT :name', 'expected values, found a place for one'],
    ["SELECT load_extension('x')", ''],
  ])('refuses %s', async (sql, problem) => {
    const room = await roomWith();
    await expect(ask(room, sql)).rejects.toThrow(problem);
  });

  it.each([
    "-- today's\nSELECT count(*) FROM v1_requests WHERE host <> ''",
    "/* what doesn't ** answer */ SELECT count(*) FROM v1_requests WHERE host <> 'none'",
    "\n -- one\n/**/ --two\nSELECT count(*) FROM v1_requests -- it's all",
  ])('takes comments before and behind: %s', async (sql) => {
    expect((await ask(await roomWith(), sql)).rows).toEqual([[3]]);
  });

  it('ends when its time is over', async () => {
    const endless = {
      name: 'endless',
      columns: ['n'],
      parameters: [],
      *rows() {
        for (let n = 0; ; n++) yield [n];
      },
    };
    const counting = runQuery(
      'SELECT count(*) FROM endless',
      [endless],
      { rows: 1, characters: 10, ms: 50 },
      async () => {},
    );
    await expect(counting).rejects.toThrow(QueryRefused);
  });

  it('returns rows up to a number of characters in all, and refuses a row that has more', async () => {
    const bounds = { rows: 10, characters: 9, ms: 1000 };
    const sized = (sql: string) => runQuery(sql, [], bounds, async () => {});
    const last = await sized("VALUES ('four', 4), ('four', NULL)");
    expect(last).toMatchObject({ rows: [['four', 4]], truncated: true });
    expect(await sized("VALUES ('four', 4), ('for', 4)")).toMatchObject({ truncated: false });
    await expect(sized("SELECT 'four', 'fives!'")).rejects.toThrow(
      'rows of at most 9 characters, found one of 10',
    );
  });

  it('answers every query of the docs', async () => {
    const room = await roomWith();
    const queries = [...readFileSync(DOCS, 'utf8').matchAll(/```sql\n([\s\S]*?)```/g)].map(
      ([, sql]) => sql ?? '',
    );
    expect(queries.length).toBe(11);
    for (const sql of queries) expect((await ask(room, sql)).columns.length, sql).toBeGreaterThan(1);
  });
});
