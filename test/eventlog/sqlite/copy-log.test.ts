import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { bytesOf, chainHash, checksumOf } from '../../../eventlog/events/stored-event.ts';
import {
  type LocalLog,
  lastSound,
  openSqliteLog,
  openSqliteReader,
  type SwitchyardEvent,
  swapLog,
  verify,
} from '../../../eventlog/index.ts';
import { answerOf, repairing } from '../../../src/history/index.ts';
import { projectionOf } from '../../../src/projection.ts';
import { Past } from '../../history/past.ts';
import { copyLog } from '../../support/copy-log.ts';
import { fill, smallDisk } from '../../support/small-disk.ts';
import { tamper } from '../../support/tamper.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';
import { longEvent, tearPage } from '../../support/torn-page.ts';
import { append } from '../appends.ts';
import { contentsOf } from '../contents.ts';

const breathe = async () => {};

/** Pool a: 1, 4, 6; domain x: 2 created, 3 removed; pool b: 5. */
async function story(directory: TempDirectory): Promise<{ log: LocalLog; past: Past }> {
  const log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  const past = new Past(log);
  await past.happen(['pool-a', { type: 'PoolCreated', data: { settings: {} } }]);
  await past.happen([
    'domain-x.example',
    { type: 'DomainCreated', data: { settings: { pool: 'a' as never } } },
  ]);
  await past.happen(['domain-x.example', { type: 'DomainRemoved', data: {} }]);
  await past.happen(
    ['pool-a', { type: 'PoolChanged', data: { settings: { maxConcurrency: 4 } } }],
    ['pool-b', { type: 'PoolCreated', data: { settings: {} } }],
  );
  await past.happen(['pool-a', { type: 'PoolChanged', data: { settings: { maxConcurrency: 6 } } }]);
  return { log, past };
}

/** What an archive up to 3 would leave, and what became of it. */
async function damagedRest(directory: TempDirectory, rest: TempDirectory, sql: string): Promise<void> {
  const { log } = await story(directory);
  const path = join(rest.path, 'events.db');
  await copyLog({ source: log.reader, path, from: 4, to: 6, projectionOf, breathe });
  await log.close();
  tamper(rest.path, sql);
}

it('makes a file for its owner alone', async () => {
  await using directory = await tempDirectory();
  const { log } = await story(directory);
  const path = join(directory.path, 'copy.sy');
  await copyLog({ source: log.reader, path, from: 1, to: 6, projectionOf, breathe });
  await log.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

describe('a base that is damaged', () => {
  it.each([
    ['position', 'UPDATE base SET position = 2', 'a base at 3'],
    ['moment', 'UPDATE base SET recorded_at_ms = 2000', 'a base recorded at 1000 or before'],
    ['hash', 'UPDATE base SET hash = zeroblob(32)', 'a base with seal'],
    ['state', "UPDATE base_states SET state = 'null' WHERE stream = 'pool-a'", 'a base with seal'],
    [
      'checksum',
      "UPDATE base_states SET checksum = 7 WHERE stream = 'pool-a'",
      'the checksum of pool-a in the base',
    ],
  ])('in its %s is told as such, and nothing behind it is cut off', async (_what, sql, expected) => {
    await using directory = await tempDirectory();
    await using rest = await tempDirectory();
    await damagedRest(directory, rest, sql);
    const reader = openSqliteReader(rest.path);
    const { findings } = await verify(reader, projectionOf);
    reader.close();
    expect(findings[0]).toMatchObject({ type: 'base_wrong', expected: expect.stringContaining(expected) });
    await expect(answerOf(repairing(rest.path, Date.now))).rejects.toThrow('only the archive can mend');
  });
});

it('a damaged event is not taken for a damaged base before it', async () => {
  await using directory = await tempDirectory();
  await using rest = await tempDirectory();
  const later = 'UPDATE events SET recorded_at_ms = 7 WHERE position = 4';
  await damagedRest(directory, rest, later);
  expect(await answerOf(repairing(rest.path, Date.now))).toMatchObject({ type: 'cut', after: 3 });
});

describe('a part of a log as a log of its own', () => {
  it.each([
    [1, 6],
    [1, 3],
    [4, 6],
    [6, 6],
    [3, 4],
  ])('holds events %i to %i with their hashes, verifies, and folds to the same', async (from, to) => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    const path = join(directory.path, 'part.db');
    await copyLog({ source: log.reader, path, from, to, projectionOf, breathe });
    const part = openSqliteReader(path);
    const whole = log.reader.storedEvents(1, 100);
    expect(part.storedEvents(1, 100)).toEqual(whole.slice(from - 1, to));
    expect(await verify(part, projectionOf)).toMatchObject({ ok: true, findings: [] });
    expect(part.position()).toBe(to);
    expect(part.read({ from: 1 }).map(({ position }) => position)[0]).toBe(from);
    const upTo = join(directory.path, 'up-to.db');
    await copyLog({ source: log.reader, path: upTo, from: 1, to, projectionOf, breathe });
    const prefix = openSqliteReader(upTo);
    expect(contentsOf(part).currents).toEqual(contentsOf(prefix).currents);
    for (const reader of [part, prefix]) reader.close();
    await log.close();
  });

  it.each([
    ['these', ['command-3', 'command-4']],
    ['all', ['command-1', 'command-2', 'command-3', 'command-4', 'idle-3', 'idle-4']],
    ['none', []],
  ] as const)('has the answers of %s', async (commands, ids) => {
    await using directory = await tempDirectory();
    const log = openSqliteLog({ directory: directory.path, now: () => 1000 });
    const past = new Past(log);
    for (let index = 1; index <= 6; index++) {
      await past.happen([`pool-p${index}`, { type: 'PoolCreated', data: { settings: {} } }]);
      if (index >= 3 && index <= 5) await log.append(append([], { commandId: `idle-${index}` }));
    }
    const path = join(directory.path, 'part.db');
    await copyLog({ source: log.reader, path, from: 3, to: 4, projectionOf, commands, breathe });
    const part = openSqliteReader(path);
    expect(part.storedCommands('', '', 100)).toEqual(ids.map((id) => log.reader.storedCommand(id)));
    part.close();
    await log.close();
  });

  it('has an answer once, however many events it is for, and does without one that was forgotten', async () => {
    await using directory = await tempDirectory();
    const { log, past } = await story(directory);
    const added = (id: string): SwitchyardEvent => ({
      type: 'BackendAdded',
      data: { id: id as never, backend: { address: 'a:80' } },
    });
    const many = Array.from({ length: 1250 }, (_, index) => ['pool-a', added(`b${index}`)] as const);
    const to = await past.happen(...many);
    tamper(directory.path, "DELETE FROM commands WHERE command_id = 'command-5'");
    const path = join(directory.path, 'part.db');
    await copyLog({ source: log.reader, path, from: 5, to, projectionOf, breathe });
    const part = openSqliteReader(path);
    const ids = part.storedCommands('', '', 100).map(({ commandId }) => commandId);
    expect(ids).toEqual(['command-4', 'command-6']);
    part.close();
    await log.close();
  });

  it('has all answers, however many there are', async () => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    await log.together(async () => {
      for (let index = 0; index < 2100; index++) await log.append(append([], { commandId: `many-${index}` }));
    });
    const path = join(directory.path, 'part.db');
    await copyLog({ source: log.reader, path, from: 1, to: 6, projectionOf, commands: 'all', breathe });
    const part = openSqliteReader(path);
    const known = log.reader.storedCommands('', '', 10_000);
    expect(part.storedCommands('', '', 10_000)).toEqual(known);
    expect(known).toHaveLength(2105);
    part.close();
    await log.close();
  });

  it('is no copy where an event is not linked to the one before it', async () => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    await log.close();
    tamper(
      directory.path,
      'UPDATE events SET data = \'{"settings":{"maxConcurrency":5}}\' WHERE position = 4',
    );
    const source = openSqliteReader(directory.path);
    const path = join(directory.path, 'part.db');
    await expect(copyLog({ source, path, from: 1, to: 6, projectionOf, breathe })).rejects.toMatchObject({
      name: 'EventUnreadable',
      position: 4,
    });
    expect(existsSync(path)).toBe(false);
    await copyLog({ source, path, from: 1, to: 3, projectionOf, breathe });
    source.close();
  });
});

it('of several damaged events, the first ends what is sound, whatever is wrong with each', async () => {
  await using directory = await tempDirectory();
  const { log } = await story(directory);
  await log.close();
  // The second cannot be read, the fourth is not linked to the third.
  tamper(directory.path, 'UPDATE events SET checksum = 7 WHERE position = 2');
  tamper(directory.path, 'UPDATE events SET hash = zeroblob(32) WHERE position = 4');
  const source = openSqliteReader(directory.path);
  const to = await lastSound(source, breathe);
  expect(to).toBe(1);
  const path = join(directory.path, 'sound.db');
  expect(await copyLog({ source, path, from: 1, to, projectionOf, breathe })).toMatchObject({ events: 1 });
  source.close();
});

it('an event from before the one it is linked to ends what is sound', async () => {
  await using directory = await tempDirectory();
  const { log } = await story(directory);
  await log.close();
  const source = openSqliteReader(directory.path);
  const [before, last] = source.storedEvents(1, 10).slice(-2);
  const recordedAtMs = before!.recordedAtMs - 1;
  const bytes = bytesOf({ ...last!, recordedAtMs });
  tamper(
    directory.path,
    `UPDATE events SET recorded_at_ms = ${recordedAtMs}, checksum = ${checksumOf(bytes)},
     hash = x'${chainHash(before!.hash, bytes)}' WHERE position = ${last!.position}`,
  );
  expect(await lastSound(source, breathe)).toBe(before!.position);
  source.close();
});

describe('a page that cannot be read', () => {
  it('is told as the event that begins on it, and all before it can be copied', async () => {
    await using directory = await tempDirectory();
    const { log, past } = await story(directory);
    await past.happen(['domain-y.example', longEvent('a')]);
    await past.happen(['pool-a', { type: 'PoolChanged', data: { settings: { maxConcurrency: 8 } } }]);
    await log.close();
    tearPage(directory.path);
    const source = openSqliteReader(directory.path);
    const copy = async (name: string, to: number) => {
      const path = join(directory.path, name);
      return await copyLog({ source, path, from: 1, to, projectionOf, breathe });
    };
    expect(await lastSound(source, breathe)).toBe(6);
    await expect(copy('all.db', 8)).rejects.toMatchObject({ name: 'EventUnreadable', position: 7 });
    expect(await copy('sound.db', 6)).toEqual({ from: 1, to: 6, events: 6 });
    source.close();
  });
});

describe('a copy that does not come to its end', () => {
  const stopped = new Error('nobody wants it');

  it('leaves nothing, neither of its name nor beside it', async () => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    const before = readdirSync(directory.path);
    const path = join(directory.path, 'part.db');
    for (let last = 0; last < 6; last++) {
      let pages = 0;
      const breathe = async () => {
        expect(existsSync(path)).toBe(false);
        pages += 1;
        if (pages > last) throw stopped;
      };
      const copied = copyLog({ source: log.reader, path, from: 4, to: 6, projectionOf, breathe });
      const end = await copied.catch((error: unknown) => error);
      expect(end === stopped || last > 3).toBe(true);
      if (end !== stopped) rmSync(path);
      expect(readdirSync(directory.path)).toEqual(before);
    }
    await log.close();
  });

  it("takes nobody else's place", async () => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    const other = join(directory.path, 'other.db');
    const copied = copyLog({
      source: log.reader,
      path: other,
      from: 1,
      to: 6,
      projectionOf,
      breathe: async () => writeFileSync(other, 'of somebody else'),
    });
    await expect(copied).rejects.toMatchObject({ name: 'DataUnusable', code: 'data_unreadable' });
    expect(readFileSync(other, 'utf8')).toBe('of somebody else');
    expect(readdirSync(directory.path).filter((name) => name.includes('partial'))).toEqual([]);
    await log.close();
  });

  it.each(['.partial', '.partial-wal', '.partial-shm'])(
    'is refused where a file of its name with %s exists, and leaves that as it was',
    async (ending) => {
      await using directory = await tempDirectory();
      const { log } = await story(directory);
      const path = join(directory.path, 'part.db');
      writeFileSync(path + ending, 'of somebody else');
      const copied = copyLog({ source: log.reader, path, from: 1, to: 6, projectionOf, breathe });
      await expect(copied).rejects.toThrow(
        `expected to write ${path}${ending}, found that it exists already`,
      );
      expect(readFileSync(path + ending, 'utf8')).toBe('of somebody else');
      expect(existsSync(path)).toBe(false);
      await log.close();
    },
  );

  it('is refused where a link with its name leads nowhere, which stays', async () => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    const path = join(directory.path, 'part.db');
    for (const name of [path, `${path}.partial`]) {
      symlinkSync('nowhere', name);
      const copied = copyLog({ source: log.reader, path, from: 1, to: 6, projectionOf, breathe });
      await expect(copied).rejects.toThrow(`expected to write ${name}, found that it exists already`);
      expect(readlinkSync(name)).toBe('nowhere');
      rmSync(name);
    }
    await log.close();
  });

  it('on a full disk leaves none of it', async (test) => {
    await using directory = await tempDirectory();
    const at = join(directory.path, 'disk');
    using disk = smallDisk(at);
    if (disk === undefined) test.skip('mounting a tmpfs takes privileges that this user lacks');
    const { log, past } = await story(directory);
    for (let index = 0; index < 300; index++)
      await past.happen([
        'pool-a',
        { type: 'PoolChanged', data: { settings: { maxConcurrency: index + 1 } } },
      ]);
    fill(join(at, 'filler'), 100_000);
    const path = join(at, 'part.db');
    const copied = copyLog({ source: log.reader, path, from: 1, to: 306, projectionOf, breathe });
    await expect(copied).rejects.toMatchObject({ code: 'log_full' });
    expect(readdirSync(at)).toEqual(['filler']);
    await log.close();
  });
});

describe('a log that goes on in another file', () => {
  it('keeps all that was recorded meanwhile, goes on from its base, and is followed by its readers', async () => {
    await using directory = await tempDirectory();
    const { log, past } = await story(directory);
    const beside = openSqliteReader(directory.path);
    const fresh = join(directory.path, 'fresh.db');
    await copyLog({
      source: log.reader,
      path: fresh,
      from: 5,
      to: 6,
      projectionOf,
      commands: 'all',
      breathe,
    });
    await past.happen([
      'domain-x.example',
      { type: 'DomainCreated', data: { settings: { pool: 'b' as never } } },
    ]);
    const before = contentsOf(log.reader);
    swapLog(log, directory.path, fresh, 6);
    expect(contentsOf(log.reader).currents).toEqual(before.currents);
    expect(await past.happen(['pool-a', { type: 'PoolRemoved', data: {} }])).toBe(8);
    expect(beside.read({ from: 1 }).map(({ position }) => position)).toEqual([5, 6, 7, 8]);
    expect([beside.version('pool-a' as never), beside.version('domain-x.example' as never)]).toEqual([4, 3]);
    expect(await log.answered('command-1')).toMatchObject({ position: 1 });
    expect(await verify(beside, projectionOf)).toMatchObject({
      ok: true,
      findings: [],
      events: 4,
      streams: 3,
    });
    expect(beside.streamsOutOfDate()).toEqual([]);
    beside.close();
    await log.close();
    expect(lstatSync(join(directory.path, 'events.db')).isSymbolicLink()).toBe(true);
    expect(readdirSync(directory.path).filter((name) => name.startsWith('events'))).toHaveLength(2);

    const again = openSqliteLog({ directory: directory.path, now: () => 1000 });
    expect(await again.rebuildCurrents(projectionOf)).toMatchObject({ unreadable: [] });
    expect(await verify(again.reader, projectionOf)).toMatchObject({ ok: true });
    const second = join(directory.path, 'fresh.db');
    await copyLog({
      source: again.reader,
      path: second,
      from: 9,
      to: 8,
      projectionOf,
      commands: 'all',
      breathe,
    });
    swapLog(again, directory.path, second, 8);
    expect(again.reader.position()).toBe(8);
    expect(again.reader.statesOf(['pool-b' as never])[0]).toMatchObject({ version: 1 });
    expect(
      readdirSync(directory.path).filter((name) => name.endsWith('.db') && name.startsWith('events')),
    ).toHaveLength(2);
    await again.close();
  });

  it('has the rows, the answers and the number of owners that came meanwhile', async () => {
    await using directory = await tempDirectory();
    const { log, past } = await story(directory);
    await log.append(append([], { commandId: 'before' }));
    const path = join(directory.path, 'fresh.db');
    await copyLog({ source: log.reader, path, from: 5, to: 6, projectionOf, commands: 'all', breathe });
    await log.append(append([], { commandId: 'idle' }));
    await past.happen(
      ['pool-a', { type: 'PoolChanged', data: { settings: {} } }],
      ['pool-b', { type: 'PoolRemoved', data: {} }],
      ['pool-c', { type: 'PoolCreated', data: { settings: {} } }],
      ['pool-d', { type: 'PoolCreated', data: { settings: {} } }],
    );
    await log.append(append([], { commandId: 'after' }));
    const { currents, rows, domainsOf } = contentsOf(log.reader);
    const answers = log.reader.storedCommands('', '', 100);
    swapLog(log, directory.path, path, 6);
    expect(contentsOf(log.reader)).toMatchObject({ currents, rows, domainsOf });
    expect(log.reader.storedCommands('', '', 100)).toEqual(answers);
    expect(log.currentRows()).toEqual({ kept: 3, expected: 3 });
    await log.close();
  });

  it('of the format before bases is read as it is, and upgraded by its next writer', async () => {
    await using directory = await tempDirectory();
    const { log } = await story(directory);
    await log.close();
    const db = new Database(join(directory.path, 'events.db'));
    db.exec('DROP TABLE base; DROP TABLE base_states; PRAGMA user_version = 1');
    db.close();
    const reader = openSqliteReader(directory.path);
    expect(await verify(reader, projectionOf)).toMatchObject({ ok: true, events: 6 });
    reader.close();
    const again = openSqliteLog({ directory: directory.path, now: () => 1000 });
    expect(await verify(again.reader, projectionOf)).toMatchObject({ ok: true, events: 6 });
    await again.close();
  });
});
