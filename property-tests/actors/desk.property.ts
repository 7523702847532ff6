/** Laws of the desk: whatever is asked, in whatever order, with owners failing at any point on the way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  type Command,
  CRASH_POINTS,
  evolveOwner,
  keyOf,
  type PoolState,
} from '../../actors/index.ts';
import type { Recorded } from '../../eventlog/index.ts';
import { Table } from '../../src/workers/index.ts';
import { backend, domain, pool, type Scene, startSystem } from '../../test/support/system.ts';

const POOLS = ['web', 'api'].map(pool);
const HOSTS = ['a.test', '*.b.test', '*'].map(domain);
const IDS = ['x.1', 'x.2', 'x.3'].map(backend);

const aPool = fc.constantFrom(...POOLS);
const aHost = fc.constantFrom(...HOSTS);
const anId = fc.constantFrom(...IDS);
const aBackend = fc.record({ address: fc.constantFrom('127.0.0.1:1', '127.0.0.1:2') });
const aPolicy = fc.constantFrom({}, { policy: 'random' as const }, { policy: 'round-robin' as const });

const aCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: fc.constant('PutPool' as const), pool: aPool, settings: aPolicy }),
  fc.record({ type: fc.constant('RemovePool' as const), pool: aPool }),
  fc.record({ type: fc.constant('PutBackend' as const), pool: aPool, id: anId, backend: aBackend }),
  fc.record({ type: fc.constant('RemoveBackend' as const), pool: aPool, id: anId }),
  fc.record({ type: fc.constant('DrainBackend' as const), pool: aPool, id: anId, untilMs: fc.nat(9) }),
  fc.record({ type: fc.constant('PutDomain' as const), host: aHost, settings: fc.record({ pool: aPool }) }),
  fc.record({ type: fc.constant('RemoveDomain' as const), host: aHost }),
);

const anActor = fc.constantFrom('pool:web', 'pool:api', 'domain:a.test', 'domain:*', 'feed', 'health');
const aCrash = fc.record({
  crash: anActor,
  at: fc.option(fc.constantFrom(...CRASH_POINTS), { nil: undefined }),
});

type Step =
  | { readonly type: 'command'; readonly command: Command; readonly id: string | undefined }
  | {
      readonly type: 'crash';
      readonly crash: string;
      readonly at: (typeof CRASH_POINTS)[number] | undefined;
    };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('command' as const),
      command: aCommand,
      id: fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: aCrash.map((crash) => ({ type: 'crash' as const, ...crash })) },
);

describe('whatever is asked of the desk, and whoever fails on the way', () => {
  it('current rows, tables of workers and ledgers are the fold of what was recorded', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { maxLength: 40, size: 'max' }),
        fc.nat(4),
        async (steps, together) => {
          const scene = await startSystem();
          try {
            const answers = await run(scene, steps, together + 1);
            const events = await scene.system.log.read({ limit: 10_000 });
            await holdsTheFold(scene, events);
            holdsWhatWasAcknowledged(answers, events);
            expect(scene.published.flat().map((event) => event.position)).toEqual(
              events.map((event) => event.position),
            );
          } finally {
            await scene.system.stop();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a domain names a pool that exists, at every position', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 40, size: 'max' }), async (steps) => {
        const scene = await startSystem();
        try {
          await run(scene, steps, 5);
          const states = new Map<string, unknown>();
          for (const event of await scene.system.log.read({ limit: 10_000 })) {
            states.set(event.stream, evolveOwner(event.stream, states.get(event.stream) ?? null, event));
            for (const [stream, state] of states) {
              if (!stream.startsWith('domain-') || state === null) continue;
              const named = (state as { settings: { pool: string } }).settings.pool;
              expect(states.get(`pool-${named}`) ?? null, `${stream} at ${event.position}`).not.toBeNull();
            }
          }
        } finally {
          await scene.system.stop();
        }
      }),
      { numRuns: 100 },
    );
  });
});

type Asked = { readonly command: Command; readonly id: string | undefined; readonly answer: Answer };

/** A few at a time, so that commands overlap. */
async function run(scene: Scene, steps: readonly Step[], together: number): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (let at = 0; at < steps.length; at += together) {
    const now = steps.slice(at, at + together).map(async (step) => {
      if (step.type === 'crash') {
        await scene.system.sabotage(step.crash, step.at);
        return;
      }
      const by = { author: 'law', ...(step.id === undefined ? {} : { commandId: step.id }) };
      asked.push({
        command: step.command,
        id: step.id,
        answer: await scene.system.desk.ask(step.command, by),
      });
    });
    await Promise.all(now);
  }
  return asked;
}

async function holdsTheFold({ system, ledger }: Scene, events: readonly Recorded[]): Promise<void> {
  const states = new Map<string, unknown>();
  for (const event of events)
    states.set(event.stream, evolveOwner(event.stream, states.get(event.stream) ?? null, event));
  const table = new Table();
  table.apply(events);
  for (const kind of ['pool', 'domain'] as const) {
    const rows = await system.log.currents({ kind, limit: 100 });
    const kept = new Map<string, unknown>(rows.map((row) => [row.stream, row.state]));
    const folded = new Map(
      [...states].filter(([stream, state]) => stream.startsWith(kind) && state !== null),
    );
    expect(kept).toEqual(folded);
  }
  for (const name of POOLS) {
    // Parked owners, and those that fail their next activation, come back by themselves; commands wait for that.
    const state = (states.get(`pool-${name}`) ?? null) as PoolState;
    await system.owners.state(`pool-${name}` as never).catch(() => {});
    const rows =
      ledger
        .pool(keyOf(name))
        ?.stats()
        .rows.filter((row) => row.state !== 'removed') ?? [];
    expect(new Set(rows.map((row) => row.backendKey))).toEqual(
      new Set(Object.keys(state?.backends ?? {}).map(keyOf)),
    );
    expect(table.pool(keyOf(name))?.backends.size ?? 0).toBe(Object.keys(state?.backends ?? {}).length);
  }
}

/** A command that was said to be done under a position is in the log there, and under one id only once. */
function holdsWhatWasAcknowledged(asked: readonly Asked[], events: readonly Recorded[]): void {
  for (const { answer } of asked) {
    if (answer.type === 'done') expect(answer.position).toBeLessThanOrEqual(events.length);
    else expect(answer.rejection.detail).not.toBe('');
  }
  const done = asked.filter(({ id, answer }) => id !== undefined && answer.type === 'done');
  for (const { id, command, answer } of done) {
    const same = done.find(
      (other) => other.id === id && JSON.stringify(other.command) === JSON.stringify(command),
    );
    expect(same?.answer).toEqual(answer);
  }
}
