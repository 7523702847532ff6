import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteLog, type SwitchyardEvent } from '../../../eventlog/index.ts';
import { LocalHistory, type OpenSources, sourcesOf } from '../../../src/history/index.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';
import { Past } from '../past.ts';

const OWN = Array.from({ length: 20 }, (_, at) => `domain-own${at}.example`);
const MADE: SwitchyardEvent = { type: 'PoolCreated', data: { settings: {} } };
const uses = (pool: string): SwitchyardEvent => ({
  type: 'DomainCreated',
  data: { settings: { pool: pool as never } },
});

let directory: TempDirectory;
let past: OpenSources;
let used: number;
let left: number;
let shared: number;

/** A change makes a pool with domains on it; somebody else uses it for a while. */
beforeEach(async () => {
  directory = await tempDirectory();
  const log = openSqliteLog({ directory: directory.path, now: () => Date.parse('2026-01-31T14:03:00Z') });
  const world = new Past(log);
  await world.happen(['pool-first', MADE], ['pool-kept', MADE]);
  await world.happen(['pool-new', MADE], ...OWN.map((own) => [own, uses('new')] as const));
  await world.happen(['domain-stays.example', uses('kept')]);
  await world.happen(['domain-zelse.example', uses('new')]);
  used = await log.position();
  await world.happen(['domain-zelse.example', { type: 'DomainRemoved', data: {} }]);
  left = await log.position();
  await world.happen(['pool-third', MADE], ['domain-m.example', uses('third')]);
  shared = await world.happen(['domain-z.example', uses('third')]);
  await world.happen(['domain-l.example', uses('third')]);
  await world.happen(...Array.from({ length: 2100 }, (_, at) => [`pool-many${at}`, MADE] as const));
  await log.close();
  past = sourcesOf(directory.path, Date.now);
});
afterEach(async () => {
  past.close();
  await directory[Symbol.asyncDispose]();
});

const undone = (position: number, at?: number) =>
  new LocalHistory(past).ask('undone', { position, at, counts: true });

describe('how a change would be undone', () => {
  it('leaves a pool that others use, at that moment', async () => {
    const found = await undone(3, used);
    expect(found).toMatchObject({
      first: 3,
      last: 23,
      at: used,
      left: ['pool new serves zelse.example now'],
    });
    expect(found?.changes.map(({ change }) => change)).toEqual(OWN.map(() => 'remove'));
  });

  it.each(['then', 'now'])('finds those who use it and changed nothing since, %s', async (when) => {
    const found = await undone(2, when === 'then' ? used : left);
    expect(found).toMatchObject({
      first: 1,
      last: 2,
      changes: [{ kind: 'pool', name: 'first', change: 'remove' }],
      left: ['pool kept serves stays.example now'],
    });
  });

  it('takes it all back where nobody does', async () => {
    const found = await undone(3, left);
    expect(found).toMatchObject({ at: left, left: [], present: { domains: 24, backends: 0 } });
    expect(found?.changes).toHaveLength(21);
  });

  it('finds who uses it behind its own domains and those that came since', async () => {
    expect(await undone(shared - 1, shared)).toMatchObject({ left: ['pool third serves z.example now'] });
  });

  it('is of the whole change, whichever of its positions is named', async () => {
    expect(await undone(23, left)).toEqual(await undone(3, left));
    const [first, last] = [shared + 2, shared + 2101];
    for (const position of [first, first + 1050, last]) {
      const found = await undone(position);
      expect(found).toMatchObject({ first, last, left: [] });
      expect(found?.changes).toHaveLength(2100);
    }
  });
});
