import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, chainHash, checksumOf, type StoredEvent } from '../../eventlog/events/stored-event.ts';
import { openSqliteLog, openSqliteReader } from '../../eventlog/index.ts';
import { Table } from '../../src/workers/index.ts';
import { command } from '../cli/command.ts';
import { tamper } from '../support/tamper.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { withPools } from './past.ts';

let directory: TempDirectory;

beforeEach(async () => {
  directory = await tempDirectory();
  const log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  await withPools(log, 3);
  await log.close();
});
afterEach(() => directory[Symbol.asyncDispose]());

/** As a newer switchyard with owners of another kind writes them: sound, and linked to what was before. */
function foretell(...streams: readonly string[]): void {
  const db = new Database(join(directory.path, 'events.db'));
  for (const stream of streams) {
    const tip = db.prepare('SELECT *, lower(hex(hash)) AS link FROM events ORDER BY position DESC').get() as {
      position: number;
      metadata: string;
      link: string;
    };
    const event: Omit<StoredEvent, 'checksum'> = {
      position: tip.position + 1,
      stream,
      version: 1,
      type: 'ZoneCreated',
      schemaVersion: 1,
      data: '{}',
      metadata: tip.metadata,
      recordedAtMs: 1000,
    };
    const bytes = bytesOf(event);
    const hash = Buffer.from(chainHash(tip.link, bytes), 'hex');
    db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      ...Object.values(event),
      checksumOf(bytes),
      hash,
    );
    db.prepare('INSERT INTO currents VALUES (?, 1, ?, ?, NULL)').run(
      stream,
      '{"zones":1}',
      checksumOf(`${stream}\n1\n{"zones":1}`),
    );
  }
  db.close();
}

function spoil(position: number): void {
  tamper(
    directory.path,
    `UPDATE events SET data = 'x' WHERE position = ${position}; DELETE FROM currents WHERE stream = 'pool-p${position - 1}'`,
  );
}

const run = (line: string) => command([...line.split(' '), '--data', directory.path]);
const NEWER = 'expected the stream of a domain or a pool, found another kind';

describe('a state of a log with streams that cannot be read', () => {
  it('names those of an unknown kind, wherever they stand among the others, and shows the rest', async () => {
    foretell('edge-p1', 'aaa-1', 'zone-x');
    const { code, out, err } = await run('state --json');
    const state = JSON.parse(out);
    expect(Object.keys(state.pools)).toEqual(['p0', 'p1', 'p2']);
    expect(state.pools.p1).toEqual({ maxConcurrency: 2, backends: {} });
    expect(state.notes).toEqual(
      [
        [5, 'aaa-1'],
        [4, 'edge-p1'],
        [6, 'zone-x'],
      ].map(([position, stream]) => ({ stream, unreadable: `event ${position} of ${stream}: ${NEWER}` })),
    );
    expect(code).toBe(1);
    expect(err).toContain(`switchyard: not in this state: event 4 of edge-p1: ${NEWER}\n`);
    expect((await run('state')).out).toMatch(/ {2}p2:\n[^#]+domains: \{\}\n(?:# \{"unreadable":.*\n){3}$/);
    expect(await run('state --at 3')).toMatchObject({ code: 0, err: '' });
  });

  it('names a pool whose event is damaged, now and in the past', async () => {
    foretell('zone-x');
    spoil(2);
    for (const line of ['state --json', 'state --json --at 3']) {
      const { code, out, err } = await run(line);
      expect({ code, pools: Object.keys(JSON.parse(out).pools) }).toEqual({ code: 1, pools: ['p0', 'p2'] });
      expect(err).toContain(
        'switchyard: not in this state: event 2 of pool-p1: expected bytes with checksum',
      );
    }
  });

  it('is no difference that anybody could tell: the stream is named', async () => {
    foretell('zone-x');
    expect(await run('diff 1')).toMatchObject({ code: 1, err: `switchyard: event 4 of zone-x: ${NEWER}\n` });
  });

  it('takes nothing from those whose name is the same behind the dash', () => {
    foretell('edge-p1', 'zone-p2');
    const reader = openSqliteReader(directory.path);
    const table = new Table();
    table.load(reader, () => expect.unreachable());
    table.markUnreadable('zone-p9' as never);
    expect(table.size).toEqual({ domains: 0, pools: 3 });
    reader.close();
  });

  it('is searched by halves: a damaged event is a change of its own', async () => {
    spoil(2);
    const hasFew = "process.stdin.on('data', (text) => process.exit(/p2/.test(text) ? 1 : 0))";
    const range = ['bisect', '--good', '1', '--bad', '3', '--data', directory.path];
    expect(await command([...range, '--', process.execPath, '-e', hasFew])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^good until position 2, bad from this change on:\n3 .* PoolCreated/),
      err: 'switchyard: position 1: good\nswitchyard: position 3: bad\nswitchyard: position 2: good\n',
    });
  });
});
