import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  type Json,
  type LocalLog,
  LogUnavailable,
  openSqliteLog,
  openSqliteReader,
  type ProjectionOf,
  type Verified,
  verify,
  verifying,
} from '../../eventlog/index.ts';
import { takeCharacters } from '../../eventlog/read-range.ts';
import { stateChecksum } from '../../eventlog/replay/cached-state.ts';
import { isOfTheFile, unavailable } from '../../eventlog/sqlite/sqlite-errors.ts';
import { tamper } from '../support/tamper.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import {
  append,
  backendAdded,
  domainChanged,
  domainCreated,
  domainOf,
  poolCreated,
  WEB,
  write,
} from './appends.ts';
import { everything, projectionOf } from './projections.ts';

const A = domainOf('a.example');
const B = domainOf('b.example');
const PAGE_BYTES = 4096;
const open = (directory: string) => openSqliteLog({ directory, now: () => 1_700_000_000_000 });

/** The last event's settings alone, so that a row of another version may have the same state. */
const withoutVersion: ProjectionOf = () => ({ initial: null, evolve: (_, { data }) => data as Json });

/** Three owners, whose rows are what their events fold into; a marker in the event at position 3, of stream A. */
async function fill(log: LocalLog): Promise<void> {
  const wishes = [
    { stream: WEB, events: [poolCreated()] },
    { stream: A, events: [domainCreated()] },
    { stream: A, events: [domainChanged('the-marker')] },
    { stream: B, events: [domainCreated()] },
    { stream: A, events: [domainChanged('web')] },
    { stream: WEB, events: [backendAdded('web.1')] },
  ];
  for (const { stream, events } of wishes) {
    const version = await log.version(stream);
    const recorded = events.map((event, index) => ({ ...event, version: version + index + 1 }) as never);
    const before = (await log.current(stream))?.state ?? null;
    const state = recorded.reduce((folded, event) => everything.evolve(folded, event), before);
    await log.append(append([write(stream, version, events, state)]));
  }
}

async function damaged(directory: string, change: (file: Buffer) => void): Promise<void> {
  const path = join(directory, 'events.db');
  const file = readFileSync(path);
  change(file);
  writeFileSync(path, file);
}

function flip(file: Buffer, text: string): void {
  const at = file.indexOf(text);
  expect(at).toBeGreaterThan(0);
  file[at] = (file[at] ?? 0) ^ 1;
}

describe('a flipped byte in an event', () => {
  it('stops its own stream where it lies, and no other', async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    await fill(before);
    const [web, b] = [await before.readStream(WEB), await before.readStream(B)];
    await before.close();
    await damaged(directory.path, (file) => flip(file, 'the-marker'));
    await using log = open(directory.path);
    const named = {
      name: 'EventUnreadable',
      position: 3,
      stream: A,
      message: expect.stringContaining('event 3 of domain-a.example'),
    };
    await expect(log.readStream(A)).rejects.toMatchObject(named);
    await expect(log.read()).rejects.toMatchObject(named);
    expect(await log.readStream(A, { to: 1 })).toHaveLength(1);
    expect(await log.readStream(A, { from: 3 })).toHaveLength(1);
    expect(await log.readStream(WEB)).toEqual(web);
    expect(await log.readStream(B)).toEqual(b);
    expect(await log.append(append([write(B, 1, [domainChanged('api')])]))).toMatchObject({
      type: 'appended',
    });
  });

  it('is the one thing that verify finds', async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    await fill(before);
    await before.close();
    await damaged(directory.path, (file) => flip(file, 'the-marker'));
    const reader = openSqliteReader(directory.path);
    const { ok, events, findings } = await verify(reader, projectionOf);
    expect({ ok, events }).toEqual({ ok: false, events: 6 });
    expect(findings).toMatchObject([{ type: 'event_unreadable', position: 3, stream: A }]);
    reader.close();
  });

  it('met in a conflict refuses that append alone', async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    await fill(before);
    await before.close();
    await damaged(directory.path, (file) => flip(file, 'the-marker'));
    await using log = open(directory.path);
    const settled = await Promise.allSettled([
      log.append(append([write(A, 1, [domainChanged('api')])])),
      log.append(append([write(B, 1, [domainChanged('api')])])),
    ]);
    expect(settled).toMatchObject([
      { status: 'rejected', reason: { name: 'EventUnreadable', position: 3 } },
      { status: 'fulfilled', value: { type: 'appended' } },
    ]);
  });
});

describe('a damaged current row', () => {
  const DAMAGE = `UPDATE currents SET state = replace(state, 'web', 'wrb') WHERE stream = '${A}'`;

  it('is never taken for a state, hides no other, and is mended from the events', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    const [a, b] = [await log.current(A), await log.current(B)];
    tamper(directory.path, DAMAGE);
    await expect(log.current(A)).rejects.toMatchObject({ name: 'EventUnreadable', position: 5, stream: A });
    expect(await log.current(B)).toEqual(b);
    const visited: string[] = [];
    const missed: string[] = [];
    log.reader.snapshotOfCurrents(
      ({ stream }) => visited.push(stream),
      ({ stream }) => missed.push(stream),
    );
    expect([visited, missed]).toEqual([[B, WEB], [A]]);
    expect(() => log.reader.snapshotOfCurrents(() => {})).toThrow('of domain-a.example');
    expect(await log.rebuildCurrents(projectionOf, [A])).toEqual({ streams: 1, unreadable: [] });
    expect(await log.current(A)).toEqual(a);
  });

  it('whose name is no text is damage of the file, and is told as such', async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    await fill(before);
    await before.close();
    await damaged(directory.path, (file) => {
      // Its kind, 13 and twice its length, is the second byte of a header of six: https://www.sqlite.org/fileformat2.html#record_format.
      const kind = file.indexOf(`${B}{"settings"`) - 5;
      expect(file[kind]).toBe(13 + 2 * B.length);
      file[kind] = 12 + 2 * B.length;
    });
    await using log = open(directory.path);
    const read = () => log.reader.snapshotOfCurrents(() => {});
    expect(read).toThrow(LogUnavailable);
    expect(read).toThrow('expected current rows by text in');
    const { findings } = await verify(log.reader, projectionOf);
    expect(findings[0]).toMatchObject({ type: 'file_damaged' });
  });

  it('is found by verify', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    tamper(directory.path, DAMAGE);
    const { findings } = await verify(log.reader, projectionOf);
    expect(findings).toMatchObject([{ type: 'current_wrong', position: 5, stream: A }]);
  });
});

describe('an index whose entries are out of order', () => {
  it("passes another owner's event for nobody's own, in reading and rebuilding, and is found", async () => {
    await using directory = await tempDirectory();
    const before = open(directory.path);
    await fill(before);
    await before.close();
    await damaged(directory.path, (file) => {
      // Only in the index does the position, 4, follow the name: version 1 takes no byte.
      const entry = file.indexOf(Buffer.concat([Buffer.from(B), Buffer.of(4)]));
      expect(entry).toBeGreaterThan(0);
      // Where the cells of a leaf lie: https://www.sqlite.org/fileformat2.html#b_tree_pages, 1.6.
      const cells = entry - (entry % PAGE_BYTES) + 8;
      const [a2, a3, b1] = [1, 2, 3].map((cell) => file.readUInt16BE(cells + 2 * cell));
      // After B's first comes the second of A.
      for (const [at, cell] of [a3!, b1!, a2!].entries()) file.writeUInt16BE(cell, cells + 2 * (1 + at));
    });
    const log = open(directory.path);
    try {
      await expect(log.readStream(B)).rejects.toThrow(`expected its own event here, found one of ${A}`);
      expect((await log.rebuildCurrents(projectionOf, [B])).unreadable).toMatchObject([{ stream: B }]);
      const { findings } = await verify(log.reader, projectionOf);
      expect(findings.map(({ type }) => type)).toContain('version_wrong');
    } finally {
      await log.close();
    }
  });
});

describe('an index of domains that is damaged', () => {
  const ENTRY = 'webdomain-a.example';

  /** `offset`: of its pool, which comes first, and before that the kinds of what is in it. */
  async function entryFlipped(directory: string, offset: number): Promise<void> {
    const log = open(directory);
    await fill(log);
    await log.close();
    await damaged(directory, (file) => {
      const at = file.indexOf(ENTRY) + offset;
      expect(at).toBeGreaterThan(offset);
      file[at] = (file[at] ?? 0) ^ 1;
    });
  }

  it.each([
    ['a name', 3],
    ['a pool', 0],
  ])('in %s is found by verify, and made again', async (_, offset) => {
    await using directory = await tempDirectory();
    await entryFlipped(directory.path, offset);
    await using log = open(directory.path);
    const { findings } = await verify(log.reader, projectionOf);
    expect(findings[0]).toMatchObject({
      type: 'file_damaged',
      found: expect.stringContaining('missing from index domains_of_pool'),
    });
    expect(log.mendIndex()).toBe(true);
    expect(await log.domainsOf('web', 10)).toEqual(['a.example', 'b.example']);
    expect(log.mendIndex()).toBe(false);
    expect(await verify(log.reader, projectionOf)).toMatchObject({ ok: true });
  });

  it('is not read round and round for a name that is no text', async () => {
    await using directory = await tempDirectory();
    await entryFlipped(directory.path, -1);
    await using log = open(directory.path);
    let pages = 0;
    const visit = () => {
      pages += 1;
      if (pages > 100) throw new Error('and so on');
    };
    expect(() => log.reader.domainNames(visit)).toThrow('expected domains in order of pool in');
    expect((await log.domainsOf('web', 10)).toSorted()).toEqual(['a.example', 'b.example']);
  });
});

it('a column that is gone from a damaged row counts for nothing in a page', () => {
  const rows = [{ data: null }, { data: 'abc' }, { data: 'def' }];
  expect([...takeCharacters(rows, 3, ({ data }) => data as string)]).toEqual(rows.slice(0, 2));
});

describe('what only a check of SQLite tells', () => {
  it.each([
    // Of a record in the index, the types of its columns, 9 for the position 1, and the id.
    ['an index of commands', Buffer.from('\x03\x09\x1bSEALED1', 'latin1'), 4, 'index commands_by_position'],
    // The number of free pages: https://www.sqlite.org/fileformat2.html#the_database_header.
    ['the list of free pages', Buffer.from('SQLite format 3'), 39, 'reelist'],
  ])('of %s is found by verify', async (_, text, offset, found) => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await log.append(append([write(B, 0, [domainCreated()])], { commandId: 'SEALED1' }));
    await log.close();
    await damaged(directory.path, (file) => {
      const at = file.indexOf(text);
      expect(at).toBeGreaterThanOrEqual(0);
      file[at + offset]! ^= 1;
    });
    const reader = openSqliteReader(directory.path);
    expect(reader.structuralDamage().join()).toContain(found);
    reader.close();
  });
});

it('a current row of another version than its events, sealed, is not served', async () => {
  await using directory = await tempDirectory();
  await using log = open(directory.path);
  await fill(log);
  const state = JSON.stringify((await log.current(A))?.state);
  tamper(
    directory.path,
    `UPDATE currents SET version = 2, checksum = ${stateChecksum(A, 2, state)} WHERE stream = '${A}'`,
  );
  expect(() => log.reader.activate(A)).toThrow('expected the current row of version 2 as it was written');
});

describe('an event that was cut out', () => {
  it('leaves a gap that no read passes over', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    tamper(directory.path, 'DELETE FROM events WHERE position = 3');
    const unreadable = {
      name: 'EventUnreadable',
      message: expect.stringMatching(/expected number 3 here, found 4/),
    };
    await expect(log.read()).rejects.toMatchObject(unreadable);
    await expect(log.readStream(A)).rejects.toThrow('expected number 2 here, found 3');
    expect(await log.read({ from: 4 })).toHaveLength(3);
  });
});

describe('a snapshot', () => {
  it('that folds other events than the chain has is not used', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const changes = Array.from({ length: 200 }, (_, index) => domainChanged(`pool${index}`));
    await log.append(append([write(B, 0, [domainCreated(), ...changes.slice(1, 100)], { at: 100 })]));
    await log.append(append([write(B, 100, changes.slice(100), { at: 200 })]));
    expect(await log.snapshot(B)).toMatchObject({ version: 200 });
    tamper(directory.path, 'UPDATE snapshots SET hash = zeroblob(32) WHERE version = 200');
    expect(await log.snapshot(B)).toMatchObject({ version: 100, state: { at: 100 } });
  });

  it('that is damaged is not used', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const changes = Array.from({ length: 99 }, (_, index) => domainChanged(`pool${index}`));
    await log.append(append([write(B, 0, [domainCreated(), ...changes], { at: 100 })]));
    tamper(directory.path, `UPDATE snapshots SET state = '{"at":101}'`);
    expect(await log.snapshot(B)).toBeUndefined();
  });
});

describe('verify', () => {
  it('finds nothing in a log as it was written', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    const many = Array.from({ length: 250 }, (_, index) => domainChanged(`pool${index}`));
    const version = await log.version(A);
    const state = { settings: { pool: 'pool249' }, version: version + 250 };
    await log.append(append([write(A, version, many, state)]));
    expect(await log.snapshot(A)).toMatchObject({ state });
    expect(await verify(log.reader, projectionOf)).toEqual({
      ok: true,
      events: 256,
      streams: 3,
      findings: [],
      cut: false,
    });
  });

  const resealed = (position: number) => `UPDATE events SET checksum = 0 WHERE position = ${position};`;
  it.each([
    ['an event that was cut out', 'DELETE FROM events WHERE position = 4', 'event_missing', 4],
    [
      'an event of an unknown type',
      `UPDATE events SET type = 'PoolPainted' WHERE position = 1; ${resealed(1)}`,
      'event_unreadable',
      1,
    ],
    [
      'a hash that is not its own',
      'UPDATE events SET hash = zeroblob(32) WHERE position = 2',
      'chain_broken',
      2,
    ],
    [
      'a snapshot of another state',
      `INSERT INTO snapshots SELECT stream, version, position, hash, '{}', 0 FROM events WHERE position = 3`,
      'snapshot_wrong',
      3,
    ],
    [
      'a current row that is behind',
      `UPDATE currents SET version = 2 WHERE stream = '${A}'`,
      'current_wrong',
      5,
    ],
    [
      'a current row with a flipped checksum',
      `UPDATE currents SET checksum = checksum + 1 WHERE stream = '${B}'`,
      'current_wrong',
      4,
    ],
    ['a current row that is missing', `DELETE FROM currents WHERE stream = '${B}'`, 'current_wrong', 4],
    [
      'a current row without events',
      `INSERT INTO currents VALUES ('domain-x.example', 1, '{}', 0, NULL)`,
      'current_wrong',
      0,
    ],
  ])('finds %s', async (_name, sql, type, position) => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    tamper(directory.path, sql);
    const { ok, findings } = await verify(log.reader, projectionOf);
    expect(ok).toBe(false);
    expect(findings[0]).toMatchObject({ type, position });
  });

  // Longer than what a finding quotes of a state.
  const LONG = 'p'.repeat(90);
  const last = (pool: string) => `{"settings":{"pool":"${LONG}${pool}"}}`;
  // Each right in all but what is said: only the comparison with the fold can tell.
  it.each([
    [
      'a snapshot with another checksum',
      'UPDATE snapshots SET checksum = checksum + 1',
      'snapshot_wrong',
      100,
    ],
    ['a snapshot of another chain', 'UPDATE snapshots SET hash = zeroblob(32)', 'snapshot_wrong', 100],
    ['a snapshot at another position', 'UPDATE snapshots SET position = 99', 'snapshot_wrong', 99],
    [
      'a snapshot of another state, sealed',
      `UPDATE snapshots SET state = '${last('97')}', checksum = ${stateChecksum(B, 100, last('97'))}`,
      'snapshot_wrong',
      100,
    ],
    [
      'a current row of another version, sealed',
      `UPDATE currents SET version = 99, checksum = ${stateChecksum(B, 99, last('98'))}`,
      'current_wrong',
      100,
    ],
  ])('finds %s', async (_name, sql, type, position) => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const changes = Array.from({ length: 99 }, (_, index) => domainChanged(`${LONG}${index}`));
    await log.append(append([write(B, 0, [domainCreated(), ...changes], JSON.parse(last('98')))]));
    expect(await verify(log.reader, withoutVersion)).toMatchObject({ ok: true });
    tamper(directory.path, sql);
    const { findings } = await verify(log.reader, withoutVersion);
    expect(findings).toMatchObject([{ type, position, stream: B }]);
  });

  it('goes through owners of many and of few events, and finds what is wrong beside each', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const owners = Array.from({ length: 230 }, (_, index) => domainOf(`d${1000 + index}.example`));
    // The first, one in the midst and the last have more events than are read together.
    const long = [owners[0]!, owners[120]!, owners[229]!];
    const changes = Array.from({ length: 1500 }, (_, index) => domainChanged(`pool${index}`));
    for (const stream of owners) {
      const events = [domainCreated(), ...(long.includes(stream) ? changes : [])];
      const state = { settings: { pool: events.length > 1 ? 'pool1499' : 'web' }, version: events.length };
      await log.append(append([write(stream, 0, events, state)]));
    }
    expect(await verify(log.reader, projectionOf)).toMatchObject({ ok: true, events: 4730, streams: 230 });
    const wrong = [owners[0]!, owners[1]!, owners[99]!, owners[100]!, owners[120]!, owners[229]!];
    const names = wrong.map((stream) => `'${stream}'`).join();
    tamper(
      directory.path,
      `UPDATE currents SET checksum = 0 WHERE stream IN (${names});
       UPDATE snapshots SET version = 77 WHERE stream = '${owners[120]}';
       INSERT INTO currents VALUES ('domain-d1100.example.org', 1, '{}', 0, NULL)`,
    );
    const { findings, streams } = await verify(log.reader, projectionOf);
    expect(findings.map(({ type, stream }) => `${type} ${stream}`)).toEqual([
      ...wrong.slice(0, 5).map((stream) => `current_wrong ${stream}`),
      `snapshot_wrong ${owners[120]}`,
      `current_wrong ${owners[229]}`,
      'current_wrong domain-d1100.example.org',
    ]);
    expect(streams).toBe(230);
  });

  it('says how far it is, and comes to the end of each part', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    const steps: Verified[] = [];
    for await (const step of verifying(log.reader, projectionOf)) steps.push(step);
    expect(steps.filter(({ done, of }) => done === of)).toMatchObject([
      { checking: 'file' },
      { checking: 'file' },
      { checking: 'events', of: 6 },
      { checking: 'owners', of: 3 },
      { checking: 'rows', of: 3 },
    ]);
  });

  it('goes through an owner of very many events in steps, a snapshot each', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const stream = domainOf('busy.example');
    const events = [domainCreated(), ...Array.from({ length: 4999 }, (_, n) => domainChanged(`pool${n}`))];
    for (let version = 0; version < events.length; version += 100) {
      const state = { settings: { pool: `pool${version + 98}` }, version: version + 100 };
      await log.append(append([write(stream, version, events.slice(version, version + 100), state)]));
    }
    // Wrong ones far apart: right and kept are followed together, some at a time.
    tamper(directory.path, "UPDATE snapshots SET state = '{}' WHERE version IN (300, 4900)");
    const steps: Verified[] = [];
    const verifier = verifying(log.reader, projectionOf);
    let step = await verifier.next();
    for (; step.done !== true; step = await verifier.next()) steps.push(step.value);
    expect(steps.filter(({ checking }) => checking === 'owners').length).toBeGreaterThanOrEqual(50);
    expect(step.value.findings.map(({ type, position }) => `${type} ${position}`)).toEqual([
      'snapshot_wrong 300',
      'snapshot_wrong 4900',
    ]);
  });

  it('finds nothing in an owner that is changed all the while', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const stream = domainOf('busy.example');
    let version = 0;
    const change = async (count: number) => {
      const events = Array.from({ length: count }, (_, n) =>
        version + n === 0 ? domainCreated() : domainChanged(`pool${version + n}`),
      );
      const state = { settings: { pool: `pool${version + count - 1}` }, version: version + count };
      await log.append(append([write(stream, version, events, state)]));
      version += count;
    };
    for (let times = 0; times < 15; times++) await change(100);
    const verifier = verifying(log.reader, projectionOf);
    let step = await verifier.next();
    for (let changes = 0; step.done !== true; step = await verifier.next())
      if (step.value.checking === 'owners' && changes++ < 200) await change(50);
    expect(version).toBeGreaterThan(2000);
    expect(step.value.findings).toEqual([]);
  });

  it('finds events exchanged by someone who sealed them anew, by the chain', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    await using other = await tempDirectory();
    const forger = open(other.path);
    await fill(forger);
    await forger.close();
    tamper(other.path, '');
    // The same event as in the original, sealed with its own valid checksum, in a log whose beginning differs.
    tamper(
      directory.path,
      `ATTACH '${join(other.path, 'events.db')}' AS forged;
       UPDATE events SET (metadata, checksum, hash) = (SELECT metadata, checksum, hash FROM forged.events f WHERE f.position = events.position) WHERE position = 4`,
    );
    const { findings } = await verify(log.reader, projectionOf);
    expect(findings).toMatchObject([
      { type: 'chain_broken', position: 4 },
      { type: 'chain_broken', position: 5 },
    ]);
  });

  it('blames a damaged hash on its own event alone', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    const hash = log.reader.storedEvents(2, 1)[0]?.hash;
    tamper(directory.path, 'UPDATE events SET hash = zeroblob(32) WHERE position = 2');
    const { findings } = await verify(log.reader, projectionOf);
    expect(findings).toEqual([
      {
        type: 'chain_broken',
        position: 2,
        stream: A,
        expected: `hash ${hash}`,
        found: `hash ${'0'.repeat(64)}`,
      },
    ]);
  });

  it('stops after as many findings as it was asked for', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    tamper(directory.path, 'UPDATE events SET checksum = 0');
    const { findings, cut } = await verify(log.reader, projectionOf, { maxFindings: 2 });
    expect(findings).toHaveLength(2);
    expect(cut).toBe(true);
  });

  it('takes no bug of a projection for a log that is sound', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    const evolve = () => {
      throw new Error('as a bug would');
    };
    await expect(verify(log.reader, () => ({ initial: null, evolve }))).rejects.toThrow('as a bug would');
  });

  it('ends when it is told to', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await fill(log);
    await expect(verify(log.reader, projectionOf, { signal: AbortSignal.abort() })).rejects.toThrow(
      'aborted',
    );
  });
});

describe('a log that cannot be read', () => {
  const failing = (work: () => void): unknown => {
    try {
      work();
    } catch (error) {
      return unavailable(error, 'events.db');
    }
    return undefined;
  };

  it('for want of files or of a permission is not a damaged one', async () => {
    await using directory = await tempDirectory();
    expect(isOfTheFile(failing(() => new Database(directory.path)))).toBe(false);
    expect(isOfTheFile(failing(() => readFileSync(join(directory.path, 'none'))))).toBe(false);
  });

  it('for what stands in it is', async () => {
    await using directory = await tempDirectory();
    const path = join(directory.path, 'x.db');
    writeFileSync(path, 'dear diary '.repeat(1000));
    expect(isOfTheFile(failing(() => new Database(path).pragma('user_version')))).toBe(true);
  });
});
