/** Laws of what-ifs: with nothing otherwise they are the record; and whatever is otherwise, nobody is lost on the way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LeaseEnd, PolicyName } from '../actors/index.ts';
import type { SparseBackend } from '../eventlog/index.ts';
import { roomOf, sourcesOf } from '../src/history/index.ts';
import { answerOf } from '../src/history/progress.ts';
import type { PoolWhatIf } from '../src/history/what-if/pool-look.ts';
import { type WhatIfWish, whatIf } from '../src/history/what-if/what-if.ts';
import { RecordedWorld } from '../test/history/recorded-world.ts';
import { FOUND, LOST_LOOK } from './what-if-found.ts';

const POLICIES: readonly PolicyName[] = [
  'least-request',
  'round-robin',
  'random',
  'p2c',
  'peak-ewma',
  'consistent-hash',
];
const IDS = ['b.1', 'b.2', 'b.3'] as const;
const policy = fc.constantFrom(...POLICIES);
const id = fc.constantFrom(...IDS);
const end = fc.constantFrom(
  'finished',
  'finished',
  'finished',
  'connect_failed',
  'backend_failed',
  'timed_out',
  'server_error',
  'listed_status',
  'client_gone',
  'unused',
);
const backend = fc.record({
  weight: fc.integer({ min: 1, max: 3 }),
  maxConcurrency: fc.integer({ min: 1, max: 3 }),
});

const doing = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('ask') }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('finish'), end }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('elsewhere') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave') }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('quarantine'), id, ms: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('probed'), id, failing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('expire') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put'), id, backend }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove'), id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('set'), policy }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('die') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('sleep') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('pool'), is: fc.constantFrom('removed', 'there') }) },
);
type Doing = typeof doing extends fc.Arbitrary<infer T> ? T : never;

const course = fc.record({
  workers: fc.integer({ min: 1, max: 2 }),
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
  policy,
  maxWaiting: fc.integer({ min: 0, max: 5 }),
  outlier: fc.constantFrom(false as const, { failures: 2, windowMs: 10_000 }),
  // Before each checkpoint. A part is read from the last checkpoint that is more than 1.5 s before it.
  restMs: fc.constantFrom<(number | undefined)[]>(undefined, 2000),
  steps: fc.array(fc.record({ ms: fc.integer({ min: 0, max: 30 }), doing }), {
    minLength: 20,
    maxLength: 150,
    size: 'max',
  }),
});
type Course = typeof course extends fc.Arbitrary<infer T> ? T : never;

async function recorded<T>(wished: Course, look: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-what-if-'));
  try {
    await record(wished, directory);
    return await look(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function record(
  { workers, seed, policy: first, maxWaiting, outlier, restMs = 0, steps }: Course,
  directory: string,
) {
  await using world = new RecordedWorld(directory, workers, seed);
  const backends = new Map<string, SparseBackend>(
    IDS.map((name, index) => [name, { address: `127.0.0.1:${9001 + index}`, maxConcurrency: 2 }]),
  );
  const settings = {
    queue: { maxWaiting },
    health: { passive: { outlier } },
  };
  await world.create({ ...settings, policy: first } as never, Object.fromEntries(backends));
  for (const [index, { ms, doing: what }] of steps.entries()) {
    world.pass(ms / 8);
    await happen(world, backends, settings, what);
    if (index % 20 === 19) {
      world.pass(restMs);
      world.checkpoint();
    }
    if (index % 7 === 6) world.turn();
  }
  world.turn();
}

async function happen(
  world: RecordedWorld,
  backends: Map<string, SparseBackend>,
  settings: object,
  what: Doing,
): Promise<void> {
  // Requests still end while the pool is removed, but nobody changes or uses it.
  if (!world.isThere && !['ask', 'finish', 'pool', 'die'].includes(what.type)) return;
  switch (what.type) {
    case 'ask':
      return world.ask();
    case 'finish':
      return world.finish((what as unknown as { end: LeaseEnd }).end);
    case 'elsewhere':
      return world.goElsewhere();
    case 'leave':
      return world.leave();
    case 'quarantine': {
      const { id: of, ms } = what as { id: string; ms: number };
      return world.quarantine(of, ms);
    }
    case 'probed': {
      const { id: of, failing } = what as { id: string; failing: boolean };
      return world.probed(of, failing);
    }
    case 'expire':
      return world.expire();
    case 'put': {
      const { id: of, backend: wish } = what as { id: string; backend: object };
      const put = { address: '127.0.0.1:9009', ...wish } as SparseBackend;
      const type = backends.has(of) ? 'BackendChanged' : 'BackendAdded';
      backends.set(of, put);
      await world.happen({ type, data: { id: of as never, backend: put } });
      return;
    }
    case 'remove': {
      const { id: of } = what as { id: string };
      if (backends.delete(of)) await world.happen({ type: 'BackendRemoved', data: { id: of as never } });
      return;
    }
    case 'set': {
      const { policy: other } = what as { policy: PolicyName };
      await world.happen({
        type: 'PoolChanged',
        data: { settings: { ...settings, policy: other } as never },
      });
      return;
    }
    case 'die':
      return world.die();
    case 'sleep':
      return world.sleep();
    case 'pool': {
      const isWanted = (what as { is: string }).is === 'there';
      if (isWanted === world.isThere) return;
      if (isWanted) await world.create(settings as never, Object.fromEntries(backends));
      else await world.happen({ type: 'PoolRemoved', data: {} });
      return;
    }
  }
}

async function asked(directory: string, wish: WhatIfWish): Promise<PoolWhatIf> {
  const open = sourcesOf(directory, Date.now);
  try {
    const { pools } = await answerOf(whatIf(wish, roomOf(open.sources(), new AbortController().signal)));
    const [found] = pools;
    if (found === undefined) throw new Error('expected a pool, found none');
    return found;
  } finally {
    open.close();
  }
}

describe('a what-if', () => {
  it('with nothing otherwise is the record, from the beginning and from a checkpoint', async () => {
    await fc.assert(
      fc.asyncProperty(course, fc.integer({ min: 0, max: 15_000 }), (wished, laterMs) =>
        recorded(wished, async (directory) => {
          const whole = await asked(directory, {});
          expect(whole.differsFrom).toBeNull();
          expect(whole.simulated).toEqual(whole.recorded);
          const from = { type: 'time', ms: Date.parse(whole.from) + laterMs } as const;
          const late = await asked(directory, { from }).catch(() => whole);
          expect(late.differsFrom).toBeNull();
          expect(late.simulated).toEqual(late.recorded);
        }),
      ),
      {
        numRuns: 25,
        examples: FOUND.map((found): [Course, number] => [found as Course, 0]),
        // Ends the shrinking too, before the test's own time is up and nobody is told what failed.
        interruptAfterTimeLimit: 40_000,
      },
    );
  });

  it('counts every request once, whatever is otherwise', async () => {
    const otherwise = fc.oneof(
      fc.record({ policy }),
      fc.record({ backends: fc.constantFrom(-2, -1, 1, 3) }),
      fc.record({ without: fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 2 }) }),
    );
    await fc.assert(
      fc.asyncProperty(course, otherwise, (wished, wish) =>
        recorded(wished, async (directory) => {
          const { recorded: before, simulated: after } = await asked(
            directory,
            'without' in wish ? { without: wish.without.filter((position) => position <= 4) } : wish,
          );
          expect(after.requests).toBe(before.requests);
          expect(Object.values(after.endings).reduce((a, b) => a + b)).toBe(after.requests);
          for (const { peakInFlight, backend: name } of after.backends)
            if (name.startsWith('added')) expect(peakInFlight).toBeLessThanOrEqual(3);
        }),
      ),
      { numRuns: 15, examples: [[LOST_LOOK as Course, { policy: 'peak-ewma' }]] },
    );
  });
});
