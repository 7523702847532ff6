import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listActors } from '../../actors/supervision/actor-info.ts';
import { crashed, type Running } from '../../actors/supervision/child-spec.ts';
import { DynamicSupervisor } from '../../actors/supervision/dynamic-supervisor.ts';
import { Supervisor } from '../../actors/supervision/supervisor.ts';
import { createWorld } from '../../actors/supervision/world.ts';
import { type Behaviour, Diary } from '../../test/support/scripted-child.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { ParkedChildModel } from './supervision-parking-model.ts';

const IDS = ['web', 'api', 'ops'];
const LIMITS = { intensity: 2, periodMs: 1000 };

async function open(behaviour: Behaviour) {
  const clock = new VirtualClock();
  const diary = new Diary(clock);
  const world = createWorld(clock, () => 0.5);
  const children = new DynamicSupervisor<Running>(
    {
      id: 'pools',
      kind: 'pool',
      restart: 'permanent',
      shutdownMs: 100,
      ...LIMITS,
      start: (context) => diary.start(context, behaviour),
    },
    world,
  );
  const top = { id: 'top', strategy: 'one_for_one', intensity: 0, periodMs: 1000 } as const;
  const supervisor = new Supervisor({ ...top, children: [children.childSpec()] }, world, () => {
    throw new Error('a dynamic supervisor escalated');
  });
  await supervisor.start();
  return { clock, diary, children, supervisor };
}

const ids = fc.constantFrom(...IDS);
const steps = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ type: fc.constant('ensure' as const), id: ids }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('stop' as const), id: ids }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant('crash' as const), id: ids }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('fail' as const), id: ids, times: fc.nat(6) }) },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.oneof(fc.nat(200), fc.nat(3000)) }),
    },
  ),
  { maxLength: 60, size: 'max' },
);

describe('a dynamic supervisor', () => {
  it('restarts, parks and heals each child as the naive model does, whatever befalls the others', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (schedule) => {
        const { clock, diary, children } = await open({});
        const models = new Map(IDS.map((id) => [id, new ParkedChildModel(LIMITS)]));
        for (const step of [...schedule, { type: 'wait' as const, ms: 0 }]) {
          const model = step.type === 'wait' ? undefined : models.get(step.id);
          const now = clock.now();
          if (step.type === 'ensure') {
            children.ensure(step.id);
            model?.ensure(now);
          } else if (step.type === 'stop') {
            void children.stop(step.id);
            model?.stop();
          } else if (step.type === 'crash') {
            if (diary.isAlive(step.id)) diary.crash(step.id);
            model?.crash(now);
          } else if (step.type === 'fail') {
            diary.failNext(step.id, step.times);
            if (model) model.failures = step.times;
          } else {
            for (let at = now; at <= now + step.ms; at += 1) for (const one of models.values()) one.tick(at);
            await clock.advance(step.ms);
          }
          await clock.settle();
          for (const [id, expected] of models) {
            const shown = children.branch.find(`pool:${id}`);
            expect(shown?.state ?? 'absent').toBe(expected.state);
            expect(diary.isAlive(id)).toBe(expected.state === 'running');
            if (shown !== undefined) expect(shown.restarts).toBe(expected.restarts);
            if (expected.state === 'parked') expect(shown?.retryAtMs).toBe(expected.retryAtMs);
          }
        }
        expect(diary.mostAlive).toBeLessThanOrEqual(1);
        // The last crash is over: whoever is parked comes back.
        for (const id of IDS) diary.failNext(id, 0);
        await clock.advance(5000);
        for (const [id, { state }] of models) expect(diary.isAlive(id)).toBe(state !== 'absent');
      }),
      { numRuns: 500 },
    );
  });

  it('has one life a child at most, and answers all who wait, when starts and stops take time', async () => {
    const times = fc.constantFrom(undefined, 0, 5, 50, 500);
    await fc.assert(
      fc.asyncProperty(times, times, steps, async (startMs, stopMs, schedule) => {
        const { clock, diary, children, supervisor } = await open({
          ...(startMs !== undefined && { startMs }),
          ...(stopMs !== undefined && { stopMs }),
        });
        const wanted = new Set<string>();
        let waiting = 0;
        for (const step of schedule) {
          if (step.type === 'wait') {
            await clock.advance(step.ms);
            continue;
          }
          const { id } = step;
          if (step.type === 'ensure') {
            children.ensure(id);
            wanted.add(id);
          } else if (step.type === 'stop') {
            waiting += 1;
            wanted.delete(id);
            void children.stop(id).then(() => {
              waiting -= 1;
            });
          } else if (step.type === 'crash') {
            children.branch.crashChild(`pool:${id}`, new Error('sabotage'));
          } else {
            diary.failNext(id, step.times);
          }
          waiting += 1;
          void children.whenRunning(id).then(() => {
            waiting -= 1;
          });
        }
        for (const id of IDS) diary.failNext(id, 0);
        await clock.advance(20_000);
        expect(waiting).toBe(0);
        for (const id of IDS)
          expect([id, children.status(id).type]).toEqual([id, wanted.has(id) ? 'running' : 'absent']);
        const { actors } = listActors(children.branch, { limit: 10 });
        expect(actors.map((actor) => actor.id).sort()).toEqual([...wanted].map((id) => `pool:${id}`).sort());
        expect(children.branch.counts()).toMatchObject({
          running: wanted.size,
          parked: 0,
          stopping: 0,
          stopped: 0,
        });
        void supervisor.stop('shutdown');
        await clock.advance(5000);
        expect(IDS.some((id) => diary.isAlive(id))).toBe(false);
        expect(diary.mostAlive).toBeLessThanOrEqual(1);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('lets no end of an old life touch the new one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 20, size: 'max' }), async (late) => {
        const clock = new VirtualClock();
        const world = createWorld(clock, () => 0.5);
        const exits: (() => void)[] = [];
        const children = new DynamicSupervisor<Running>(
          {
            id: 'pools',
            kind: 'pool',
            restart: 'permanent',
            shutdownMs: 100,
            intensity: 100,
            periodMs: 1000,
            start: (context) => {
              exits.push(() => context.exited(crashed(new Error('a bug'))));
              return { stop() {} };
            },
          },
          world,
        );
        const top = { id: 'top', strategy: 'one_for_one', intensity: 0, periodMs: 1000 } as const;
        await new Supervisor({ ...top, children: [children.childSpec()] }, world, () => {}).start();
        children.ensure('web');
        let lives = 1;
        for (const old of late) {
          exits.at(old ? 0 : -1)?.();
          if (!old || lives === 1) lives += 1;
          await clock.settle();
          expect(exits).toHaveLength(lives);
        }
      }),
      { numRuns: 200 },
    );
  });
});
