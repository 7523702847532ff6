import { createHash } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evolveOwner, type PoolState } from '../../actors/index.ts';
import {
  type BackendId,
  type LocalLog,
  openSqliteLog,
  type SwitchyardEvent,
  type Write,
} from '../../eventlog/index.ts';
import { SCHEMA_VERSION } from '../../eventlog/sqlite/schema.ts';
import { LocalHistory, type OpenSources, sourcesOf } from '../../src/history/index.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

const EVENTS = 16_000;
const OWNERS = 300;
const ONCE = 50;

let directory: TempDirectory;
let log: LocalLog;

beforeAll(async () => {
  directory = await tempDirectory();
  log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  await written(log);
});
afterAll(async () => {
  await log.close();
  await directory[Symbol.asyncDispose]();
});

/** Domains that come, change, go and come again, and pools whose backends do, 200 at a time; the first are never heard of again. */
async function written(into: LocalLog): Promise<void> {
  const owners = new Map<string, { version: number; state: unknown }>();
  for (let made = 0; made < EVENTS; made += 200) {
    const writes: Write[] = [];
    for (let index = made; index < made + 200; index++) {
      const name = index < ONCE ? `once${index}` : `d${(index * 7) % OWNERS}`;
      const stream = (index % 4 === 3 ? `pool-${name}` : `domain-${name}.example`) as Write['stream'];
      const { version, state } = owners.get(stream) ?? { version: 0, state: null };
      const event = index % 4 === 3 ? poolEvent(state as PoolState, index) : eventFor(state, index);
      const next = {
        version: version + 1,
        state: evolveOwner(stream, state, { ...event, version: version + 1 }),
      };
      owners.set(stream, next);
      writes.push({ stream, expected: version, events: [event], current: next.state as Write['current'] });
    }
    await into.append({ commandId: `c${made}`, digest: 'd', author: 'points', answer: null, writes });
  }
}

function eventFor(state: unknown, index: number): SwitchyardEvent {
  if (state === null) return { type: 'DomainCreated', data: { settings: { pool: `p${index}` as never } } };
  if (index % 5 === 0) return { type: 'DomainRemoved', data: {} };
  return { type: 'DomainChanged', data: { settings: { pool: `p${index}` as never } } };
}

function poolEvent(state: PoolState, index: number): SwitchyardEvent {
  if (state === null) return { type: 'PoolCreated', data: { settings: {} } };
  // Each pool is met once in a round.
  const round = Math.floor(index / OWNERS);
  const id = `b.${round % 5}` as BackendId;
  const backend = { address: `127.0.0.1:${1 + index}` };
  if (state.backends[id] === undefined) return { type: 'BackendAdded', data: { id, backend } };
  if (round % 3 === 0) return { type: 'BackendRemoved', data: { id } };
  return { type: 'BackendChanged', data: { id, backend } };
}

async function stateAt({ sources }: OpenSources, position: number): Promise<string> {
  let text = '';
  const wish = { at: { type: 'position', position } } as const;
  for await (const piece of new LocalHistory({ sources }).pour('state', wish)) text += piece;
  return text;
}

function withoutPoints(): OpenSources {
  const open = sourcesOf(directory.path, Date.now);
  return { ...open, sources: () => ({ ...open.sources(), points: () => undefined }) };
}

const PLACES = [0, 1, 4999, 5000, 5001, 9999, 14_321, 15_000, EVENTS - 1, EVENTS];

function inCache(sql: string): number {
  const db = new Database(join(directory.path, 'history.db'));
  const { changes } = db.prepare(sql).run();
  db.close();
  return changes;
}

/** Puts this in the last point, sealed as by whoever knows how: the seal has no secret. */
function seal(content: Buffer): void {
  const db = new Database(join(directory.path, 'history.db'));
  const { position, hash } = db.prepare('SELECT position, hash FROM points ORDER BY position DESC').get() as {
    position: number;
    hash: string;
  };
  const text = `${SCHEMA_VERSION}\n${position}\n${hash}\n1\n\n`;
  const digest = createHash('sha256').update(text).update(content).digest('hex');
  db.prepare('UPDATE points SET content = ?, digest = ?, is_full = 1 WHERE position = ?').run(
    content,
    digest,
    position,
  );
  db.close();
}

describe('points of the past', () => {
  it('give the state that a fold from the beginning gives, at any position', async () => {
    const plain = withoutPoints();
    const open = sourcesOf(directory.path, Date.now);
    await new LocalHistory(open).ask('points', {});
    for (const place of PLACES) expect(await stateAt(open, place)).toBe(await stateAt(plain, place));
    open.close();
    expect(inCache('UPDATE points SET position = position')).toBe(3);
    // A point that was changed is no point of this log, and all are made again.
    inCache("UPDATE points SET content = x'00' WHERE position = 10000");
    const again = sourcesOf(directory.path, Date.now);
    expect(await stateAt(again, 14_321)).toBe(await stateAt(plain, 14_321));
    again.close();
    inCache("UPDATE points SET hash = 'another'");
    const other = sourcesOf(directory.path, Date.now);
    expect(await stateAt(other, EVENTS)).toBe(await stateAt(plain, EVENTS));
    other.close();
    for (const beside of ['', '-wal', '-shm'])
      rmSync(join(directory.path, `history.db${beside}`), { force: true });
    const anew = sourcesOf(directory.path, Date.now);
    expect(await stateAt(anew, 15_000)).toBe(await stateAt(plain, 15_000));
    for (const each of [anew, plain]) each.close();
  });

  it('that do not say of which format the log was are none', async () => {
    const plain = withoutPoints();
    const open = sourcesOf(directory.path, Date.now);
    await new LocalHistory(open).ask('points', {});
    open.close();
    // Another state, intact in itself.
    const stray = { settings: { pool: 'stray' }, version: 1 };
    const content = zstdCompressSync(JSON.stringify([['domain-stray.example', stray]]));
    const seal = createHash('sha256').update(content).digest('hex');
    const db = new Database(join(directory.path, 'history.db'));
    db.prepare('UPDATE points SET content = ?, digest = ?, is_full = 1').run(content, seal);
    db.close();
    const again = sourcesOf(directory.path, Date.now);
    expect(await stateAt(again, 14_321)).toBe(await stateAt(plain, 14_321));
    for (const each of [again, plain]) each.close();
  });

  it.each([
    ['no JSON', zstdCompressSync('points')],
    ['no list', zstdCompressSync('7')],
    ['a list of something else', zstdCompressSync('[7]')],
    ['not compressed', Buffer.from('[]')],
    ['4 KB that unpack to 64 MiB', zstdCompressSync(Buffer.alloc(67_108_864, 0x20))],
  ])('that contain %s, though sealed, are none', async (_what, content) => {
    const plain = withoutPoints();
    const open = sourcesOf(directory.path, Date.now);
    await new LocalHistory(open).ask('points', {});
    open.close();
    seal(content);
    const again = sourcesOf(directory.path, Date.now);
    expect(await stateAt(again, 15_001)).toBe(await stateAt(plain, 15_001));
    for (const each of [again, plain]) each.close();
    const db = new Database(join(directory.path, 'history.db'));
    expect(db.prepare('SELECT 1 FROM points WHERE content = ?').get(content)).toBeUndefined();
    db.close();
  });

  it.each([
    ['that are not whole and say they are', 'UPDATE points SET is_full = 1'],
    ['of which one in between is lost', 'DELETE FROM points WHERE position = 10000'],
  ])('%s are none', async (_what, sql) => {
    const plain = withoutPoints();
    const open = sourcesOf(directory.path, Date.now);
    await new LocalHistory(open).ask('points', {});
    open.close();
    expect(inCache(sql)).toBeGreaterThan(0);
    const again = sourcesOf(directory.path, Date.now);
    expect(await stateAt(again, 15_000)).toBe(await stateAt(plain, 15_000));
    for (const each of [again, plain]) each.close();
  });

  it.each([
    ['behind its first page', 4096],
    ['from its first byte on', 0],
  ])('in a file that is damaged %s are none, and are made again', async (_where, from) => {
    const plain = withoutPoints();
    const open = sourcesOf(directory.path, Date.now);
    await new LocalHistory(open).ask('points', {});
    open.close();
    const path = join(directory.path, 'history.db');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(statSync(path).size - from, 0x5a), 0, undefined, from);
    closeSync(file);
    for (let times = 0; times < 2; times++) {
      const again = sourcesOf(directory.path, Date.now);
      expect(await stateAt(again, 14_321)).toBe(await stateAt(plain, 14_321));
      expect(await stateAt(again, 14_321)).toBe(await stateAt(plain, 14_321));
      again.close();
    }
    plain.close();
    expect(inCache('UPDATE points SET position = position')).toBeGreaterThan(0);
  });

  it('that cannot be written are done without', async () => {
    const plain = withoutPoints();
    const open = sourcesOf(directory.path, Date.now);
    await new LocalHistory(open).ask('points', {});
    const db = new Database(join(directory.path, 'history.db'));
    db.exec('DELETE FROM points; BEGIN IMMEDIATE');
    expect(await stateAt(open, 14_321)).toBe(await stateAt(plain, 14_321));
    db.close();
    for (const each of [open, plain]) each.close();
  });
});
