import { describe, expect, it } from 'vitest';
import { roomOf, sourcesOf } from '../../../src/history/index.ts';
import { answerOf } from '../../../src/history/progress.ts';
import type { PoolWhatIf, Side } from '../../../src/history/what-if/pool-look.ts';
import { type WhatIf, type WhatIfWish, whatIf } from '../../../src/history/what-if/what-if.ts';
import { runCommand } from '../../support/router-process.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { RecordedWorld } from '../recorded-world.ts';

const at = (port: number) => ({ address: `127.0.0.1:${port}`, maxConcurrency: 1 });

/** A pool of two that is asked every 10 ms and takes 30 ms each: three would be enough. Position 3 adds the second. */
async function crowded(directory: string, second = 'web.2'): Promise<void> {
  await using world = new RecordedWorld(directory, 1, 7);
  await world.create({ policy: 'round-robin' }, { 'web.1': at(9001), [second]: at(9002) });
  for (let turn = 0; turn < 300; turn++) {
    world.ask();
    world.pass(10);
    if (turn % 3 === 2) {
      world.finish('finished');
      world.finish('finished');
    }
    world.turn();
  }
}

/** A pool of six that fails five requests of seven; each asks four of them at most. */
async function failing(directory: string): Promise<void> {
  await using world = new RecordedWorld(directory, 1, 7);
  const ids = ['web.1', 'web.2', 'web.3', 'web.4', 'web.5', 'web.6'];
  const settings = { policy: 'round-robin', health: { passive: false } } as never;
  await world.create(settings, Object.fromEntries(ids.map((id, index) => [id, at(9001 + index)])));
  for (let turn = 0; turn < 600; turn++) {
    if (turn % 4 === 0) world.ask();
    world.pass(10);
    world.finish(turn % 7 < 2 ? 'finished' : 'connect_failed');
    world.turn();
  }
}

// The last comes first in the log's own order.
const PLAIN = { 'web.2': at(9002), 'web.1': { ...at(9001), weight: 2 } };

/** A pool of two, all as by default. */
async function plain(directory: string): Promise<void> {
  await using world = new RecordedWorld(directory, 1, 7);
  await world.create({}, PLAIN);
  for (let turn = 0; turn < 30; turn++) {
    world.ask();
    world.pass(10);
    world.finish('finished');
    world.turn();
  }
}

async function asked(directory: string, wish: WhatIfWish): Promise<WhatIf> {
  const open = sourcesOf(directory, Date.now);
  try {
    return await answerOf(whatIf(wish, roomOf(open.sources(), new AbortController().signal)));
  } finally {
    open.close();
  }
}

async function sides(
  directory: string,
  wish: WhatIfWish,
): Promise<[before: Side, after: Side, whole: PoolWhatIf]> {
  const [whole] = (await asked(directory, wish)).pools;
  return [(whole as PoolWhatIf).recorded, (whole as PoolWhatIf).simulated, whole as PoolWhatIf];
}

/** Where nothing is otherwise, what is simulated is the record. */
async function theRecord(directory: string, wish: WhatIfWish): Promise<Side> {
  const [before, after, { differsFrom }] = await sides(directory, wish);
  expect(differsFrom).toBe(null);
  expect(after).toEqual(before);
  return before;
}

/** The pool is removed, what is in flight ends, and the pool is made again. */
async function remade(world: RecordedWorld): Promise<void> {
  await world.happen({ type: 'PoolRemoved', data: {} });
  world.pass(10);
  world.finish('finished');
  world.pass(1000);
  await world.create({}, { 'web.1': at(9001) });
  world.pass(10);
}

describe('what if', () => {
  it('there were more backends: nobody would have waited', async () => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    const [before, after, { assumed }] = await sides(directory.path, { backends: 4 });
    expect(before.waited).toBeGreaterThan(200);
    expect(after.waited).toBeLessThan(before.waited / 10);
    expect(after.endings.served).toBeGreaterThan(before.endings.served);
    expect(after.backends.map(({ backend }) => backend)).toContain('added 4');
    expect(assumed).toBeGreaterThan(100);
  });

  it('there were one more, whatever those that there are are called', async () => {
    await using directory = await tempDirectory();
    await crowded(directory.path, 'added.1');
    const [, after] = await sides(directory.path, { backends: 1 });
    expect(after.backends.map(({ backend }) => backend)).toEqual(['added 1', 'added.1', 'web.1']);
  });

  it.each([
    ['', {}],
    [' but what is said of it by name: the policy', { policy: 'least-request' }],
    [
      ' but what is said of it by name: pool and backends',
      { with: { web: { settings: { policy: 'least-request' }, backends: PLAIN } } },
    ],
  ])(
    'nothing were otherwise%s: it is the record, in whatever order its backends came',
    async (_what, wish) => {
      await using directory = await tempDirectory();
      await plain(directory.path);
      await theRecord(directory.path, wish as WhatIfWish);
    },
  );

  it.each([
    ['until its thread died', true],
    ['until all that is recorded ends', false],
  ])('nothing were otherwise: who waits longer than it may, %s, does so', async (_until, dies) => {
    await using directory = await tempDirectory();
    {
      await using world = new RecordedWorld(directory.path, 2, 7);
      await world.create({ queue: { maxWaitMs: 20, maxWaiting: 2 } } as never, { 'web.1': at(9001) });
      for (let asks = 0; asks < 6; asks++) {
        world.ask();
        // Its timers are late.
        world.pass(50);
      }
      if (dies) await world.die();
      world.pass(1);
      world.finish('finished');
      world.turn();
    }
    const { endings } = await theRecord(directory.path, {});
    expect(endings).toMatchObject({ refused: 3, gave_up: 0 });
  });

  it('nothing were otherwise, where the pool was removed and made again while a request was in flight', async () => {
    await using directory = await tempDirectory();
    {
      await using world = new RecordedWorld(directory.path, 1, 7);
      await world.create({}, { 'web.1': at(9001) });
      for (let life = 0; life < 3; life++) {
        for (let turn = 0; turn < 4; turn++) {
          world.ask();
          world.pass(10);
        }
        await remade(world);
        world.turn();
      }
      world.ask();
      world.pass(10);
      world.turn();
    }
    await theRecord(directory.path, { policy: 'least-request' });
  });

  it('nothing were otherwise from when a request was in flight whose pool was then removed and made again', async () => {
    await using directory = await tempDirectory();
    let ms = 0;
    {
      await using world = new RecordedWorld(directory.path, 1, 7);
      await world.create({}, { 'web.1': at(9001) });
      world.ask();
      world.pass(5000);
      world.checkpoint();
      world.pass(10);
      ms = world.nowMs;
      await remade(world);
      for (let asks = 0; asks < 2; asks++) world.ask();
      world.pass(10);
      world.turn();
    }
    const wish = { policy: 'least-request', from: { type: 'time', ms } } as const;
    expect((await theRecord(directory.path, wish)).requests).toBe(2);
  });

  it('nothing were otherwise from a moment with a change behind it: what was learnt of backends before is known', async () => {
    await using directory = await tempDirectory();
    let ms = 0;
    {
      await using world = new RecordedWorld(directory.path, 1, 7);
      const use = () => {
        for (let turn = 0; turn < 20; turn++) {
          world.ask();
          world.pass(3);
          if (turn > 0) world.finish('finished');
        }
      };
      await world.create(
        { policy: 'peak-ewma' },
        { 'web.1': at(9001), 'web.2': at(9002), 'web.3': at(9003) },
      );
      use();
      world.quarantine('web.2', 20_000);
      world.pass(5000);
      world.checkpoint();
      world.pass(10);
      ms = world.nowMs;
      const settings = { policy: 'peak-ewma', queue: { maxWaiting: 900 } } as const;
      await world.happen({ type: 'PoolChanged', data: { settings } });
      use();
      world.turn();
    }
    const wish = { policy: 'peak-ewma', from: { type: 'time', ms } } as const;
    await theRecord(directory.path, wish);
  });

  it('an event had not been: its backend would have had nothing, the other one all', async () => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    const [, after] = await sides(directory.path, { without: [3] });
    expect(after.backends.map(({ backend }) => backend)).toEqual(['web.1']);
    expect(after.backends[0]?.inFlight).toBeCloseTo(1, 1);
  });

  it('the pool had not been removed: those who waited would not have been refused', async () => {
    await using directory = await tempDirectory();
    let removed = 0;
    {
      await using world = new RecordedWorld(directory.path, 1, 7);
      await world.create({}, { 'web.1': at(9001) });
      for (let asks = 0; asks < 3; asks++) world.ask();
      world.pass(10);
      removed = await world.happen({ type: 'PoolRemoved', data: {} });
      world.turn();
    }
    const [before, after] = await sides(directory.path, { without: [removed] });
    expect([before.refusals, after.refusals]).toEqual([{ no_backends: 2 }, {}]);
  });

  it('the queue were shorter: those who waited would have been refused', async () => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    const set = { web: { settings: { policy: 'round-robin', queue: { maxWaiting: 0 } } } } as const;
    const [before, after] = await sides(directory.path, { with: set as never });
    expect(before.refusals).toEqual({});
    expect(after.refusals['queue_full']).toBeGreaterThan(50);
    expect(after.waitMs.max).toBe(0);
  });

  it.each([
    ['each wait', { queue: { maxWaitMs: 20 } }],
    ['all of a request', { retries: { totalMs: 20 } }],
  ])('the time for %s were shorter: those who waited longer would have given up', async (_what, settings) => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    const set = { web: { settings: { policy: 'round-robin', ...settings } } };
    const [before, after] = await sides(directory.path, { with: set as never });
    expect([before.waitMs.max > 100, before.endings.gave_up]).toEqual([true, 0]);
    expect(after.waitMs.max).toBeLessThanOrEqual(20);
    expect(after.endings.gave_up).toBeGreaterThan(50);
  });

  it('fewer, or more, might ask again: they would be served less often, or more often', async () => {
    await using directory = await tempDirectory();
    await failing(directory.path);
    const asking = async (retries: object) => {
      const set = { web: { settings: { policy: 'round-robin', health: { passive: false }, retries } } };
      return sides(directory.path, { with: set as never });
    };
    const [before, once] = await asking({ attempts: 1 });
    expect([before.retries > 100, before.endings.served > 10, before.endings.failed > 10]).toEqual([
      true,
      true,
      true,
    ]);
    expect(once.retries).toBe(0);
    expect(once.endings.served).toBeLessThan(before.endings.served);
    // As many as they did.
    const [, four] = await asking({ attempts: 4 });
    expect(four).toMatchObject({ endings: before.endings, retries: before.retries, timeMs: before.timeMs });
    const [, often] = await asking({ attempts: 6 });
    expect(often.endings.served).toBeGreaterThan(before.endings.served);
    const [, late] = await asking({ totalMs: 1 });
    expect(late.retries).toBe(0);
  });

  it.each([
    // A tenth of all, of which each worker has its own.
    [3, 600, 10, 54, 63],
    // The three that any pool may have in ten seconds: the third backend of two, which nobody finds, is none of them.
    [1, 10, 1, 3, 3],
  ])(
    'fewer might be asked again: of %i workers, %i requests and %i %% between %i and %i',
    async (...what) => {
      const [workers, requests, budgetPercent, least, most] = what;
      await using directory = await tempDirectory();
      {
        await using world = new RecordedWorld(directory.path, workers, 7);
        const unlimited = (port: number) => ({ address: `127.0.0.1:${port}` });
        const backends = { 'web.1': unlimited(9001), 'web.2': unlimited(9002) };
        await world.create({ health: { passive: false } } as never, backends);
        for (let turn = 0; turn < requests; turn++) {
          world.ask();
          world.pass(10);
          for (const end of ['backend_failed', 'backend_failed'] as const) world.finish(end);
          world.turn();
        }
      }
      const set = { web: { settings: { health: { passive: false }, retries: { budgetPercent } } } };
      const [before, after] = await sides(directory.path, { with: set as never });
      expect(before.retries).toBeGreaterThan(before.requests / 2);
      expect(after.retries).toBeGreaterThanOrEqual(least);
      expect(after.retries).toBeLessThanOrEqual(most);
    },
  );

  it.each([
    [1, true],
    [100, false],
  ])('chance picked: a backend would be out once %i connects in a row had failed', async (most, isOut) => {
    await using directory = await tempDirectory();
    {
      await using world = new RecordedWorld(directory.path, 1, 7);
      const settings = {
        policy: 'round-robin',
        health: { passive: { connectFailures: most, outlier: false } },
      };
      const unlimited = (port: number) => ({ address: `127.0.0.1:${port}` });
      await world.create(settings as never, { 'web.1': unlimited(9001), 'web.2': unlimited(9002) });
      for (let turn = 0; turn < 300; turn++) {
        world.ask();
        world.pass(10);
        world.finish(turn % 3 === 0 ? 'connect_failed' : 'finished');
        world.turn();
      }
    }
    const [before, after] = await sides(directory.path, { policy: 'random' });
    expect([before.waited, after.waited > 0]).toEqual([0, isOut]);
  });

  it('is asked of a part: all that was asked then is in it, however long nobody had asked before', async () => {
    await using directory = await tempDirectory();
    let halfMs = 0;
    {
      await using world = new RecordedWorld(directory.path, 1, 7);
      await world.create({}, { 'web.1': at(9001) });
      for (let minute = 0; minute < 4; minute++) {
        if (minute === 2) halfMs = world.nowMs - 30_000;
        world.ask();
        world.pass(10);
        world.finish('finished');
        world.turn();
        world.pass(500);
        world.checkpoint();
        world.turn();
        world.pass(60_000);
      }
    }
    const from = { type: 'time', ms: halfMs } as const;
    const [before, , whole] = await sides(directory.path, { policy: 'random', from });
    expect(before.requests).toBe(2);
    expect(whole).toMatchObject({ from: new Date(halfMs).toISOString(), skipped: 0 });
  });

  it('is asked of a part: what was in flight when that began is in flight, and no request of it', async () => {
    await using directory = await tempDirectory();
    let fromMs = 0;
    {
      await using world = new RecordedWorld(directory.path, 2, 7);
      await world.create({}, { 'web.1': { address: '127.0.0.1:9001' } });
      for (let asks = 0; asks < 4; asks++) world.ask();
      world.pass(5000);
      world.checkpoint();
      fromMs = world.nowMs;
      world.ask();
      world.pass(100);
      world.finish('finished');
      world.pass(100);
      await world.die();
      world.turn();
    }
    const from = { type: 'time', ms: fromMs } as const;
    const [before, after] = await sides(directory.path, { from });
    expect(before.requests).toBe(1);
    // Five for a hundred milliseconds, then four.
    expect(before.backends).toMatchObject([{ leases: 1, peakInFlight: 5, inFlight: 4.5 }]);
    expect(after).toEqual(before);
  });

  it('is answered with what it assumes', async () => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    const { assumptions } = await asked(directory.path, { backends: 1 });
    expect(assumptions.join('\n')).toMatch(/whatever the load there: backends do not slow down under load/);
    expect(assumptions.join('\n')).toMatch(/an added backend/);
  });

  it.each([
    [{ without: [99] }, 'without: expected a position up to 3, found 99'],
    [{ policy: 'random', pool: 'none' }, 'expected requests of pool none in that time, found none'],
    [
      { policy: 'random', from: { type: 'time', ms: Date.parse('2033-01-01') } },
      'found none that can be simulated',
    ],
  ] as const)('%j is refused', async (wish, problem) => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    await expect(asked(directory.path, wish)).rejects.toThrow(problem);
  });

  it('is printed side by side', async () => {
    await using directory = await tempDirectory();
    await crowded(directory.path);
    const { output, code } = await runCommand(['replay', '--data', directory.path, '--backends', '+4']);
    expect(code).toBe(0);
    expect(output).toMatch(/RECORDED +SIMULATED\nrequests +300 +300\n/);
    expect(output).toMatch(/added 1 +- +\d+/);
    expect(output).toMatch(/assumptions:/);
    const json = await runCommand(['replay', '--data', directory.path, '--policy', 'p2c', '--json']);
    expect(JSON.parse(json.output).pools[0].pool).toBe('web');
    expect((await runCommand(['replay', '--data', directory.path, '--backends', '4'])).code).toBe(2);
    // With nothing otherwise, the record itself is proven.
    const proven = await runCommand(['replay', '--data', directory.path, '--json']);
    expect([proven.code, JSON.parse(proven.output)]).toEqual([
      0,
      expect.objectContaining({ ok: true, differences: [] }),
    ]);
  });
});
