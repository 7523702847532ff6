import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChildEnd } from '../../actors/supervision/child-spec.ts';
import type { SupervisionEvent } from '../../actors/supervision/supervision-event.ts';
import { Supervisor } from '../../actors/supervision/supervisor.ts';
import { createWorld } from '../../actors/supervision/world.ts';
import { type Behaviour, Diary } from '../../test/support/scripted-child.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type ModelStrategy, SupervisorModel } from './supervision-model.ts';

const RUNS = { numRuns: 1500 };
const PERIOD_MS = 1000;
const IDS = ['a', 'b', 'c', 'd', 'e'];

const strategies = fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one' as const);
const restarts = fc.constantFrom('permanent', 'permanent', 'transient', 'temporary' as const);
const places = fc.nat(IDS.length - 1);
const how = fc.constantFrom('crash', 'crash', 'end' as const);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('end' as const), place: places, how }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('together' as const),
        ends: fc.uniqueArray(fc.record({ place: places, how }), {
          selector: ({ place }) => place,
          maxLength: 4,
        }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('fail' as const), place: places, times: fc.nat(3) }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(2 * PERIOD_MS) }) },
  ),
  { maxLength: 30, size: 'max' },
);

async function start(
  behaviours: readonly Behaviour[],
  given: { readonly strategy: ModelStrategy; readonly intensity: number },
) {
  const clock = new VirtualClock();
  const diary = new Diary(clock);
  const world = createWorld(clock, () => 0.5);
  const events: SupervisionEvent[] = [];
  world.observers.observe((event) => events.push(event));
  const ends: ChildEnd[] = [];
  const children = behaviours.map((behaviour, place) => diary.child(IDS[place]!, behaviour));
  const spec = { id: 'top', periodMs: PERIOD_MS, ...given, children };
  const supervisor = new Supervisor(spec, world, (end) => ends.push(end));
  void supervisor.start();
  await clock.advance(10_000);
  return { clock, diary, events, ends, supervisor };
}

describe('a static supervisor', () => {
  it('does what the naive model does, line by line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(restarts, { minLength: 1, maxLength: IDS.length }),
        strategies,
        fc.nat(4),
        steps,
        async (types, strategy, intensity, schedule) => {
          const { clock, diary, ends, events, supervisor } = await start(
            types.map((restart) => ({ restart })),
            { strategy, intensity },
          );
          const children = types.map((restart, place) => ({ id: IDS[place]!, restart }));
          const model = new SupervisorModel(children, strategy, intensity, PERIOD_MS);
          const id = (place: number) => IDS[place % types.length]!;
          for (const step of schedule) {
            if (step.type === 'wait') await clock.advance(step.ms);
            if (step.type === 'fail') {
              model.failNext(id(step.place), step.times);
              diary.failNext(id(step.place), step.times);
            }
            const together = step.type === 'together' ? step.ends : step.type === 'end' ? [step] : [];
            const ending = new Map(together.map((end) => [id(end.place), end.how]));
            const list = [...ending].map(([ended, how]) => ({ id: ended, how }));
            for (const end of list) {
              if (!diary.isAlive(end.id)) continue;
              if (end.how === 'crash') diary.crash(end.id);
              else diary.end(end.id);
            }
            model.end(list, clock.now());
            await clock.settle();
            const seen = diary.lines.filter((line) => !line.startsWith('down '));
            expect(seen).toEqual(model.lines);
            expect(ends.length > 0).toBe(model.escalated);
          }
          expect(IDS.filter((id) => diary.isAlive(id))).toEqual(model.running());
          // Restarts add up: every start but the first of each child is one, told or failed.
          for (const { id } of children) {
            const starts = diary.lines.filter((line) => line === `start ${id}`).length;
            expect(supervisor.branch.find(id)?.restarts).toBe(starts - 1);
            const told = events.filter((event) => event.id === id && event.type === 'restarted').length;
            expect(told).toBe(diary.lines.filter((line) => line === `up ${id}`).length - 1);
          }
        },
      ),
      RUNS,
    );
  });

  const slow: fc.Arbitrary<Behaviour> = fc.record({
    restart: restarts,
    startMs: fc.constantFrom(0, 5, 50, 500),
    stopMs: fc.constantFrom(0, 5, 50, 500),
    shutdownMs: fc.constantFrom<number | 'brutal'>(10, 100, 'brutal'),
  });

  const moments = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ type: how, place: places }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), place: fc.nat(300) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('fail' as const), place: places }) },
    ),
    { maxLength: 30, size: 'max' },
  );

  it('ends with everybody running, or escalated and nobody, when starts and stops take time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(slow, { minLength: 1, maxLength: IDS.length }),
        strategies,
        fc.nat(8),
        moments,
        fc.boolean(),
        async (behaviours, strategy, intensity, schedule, stops) => {
          const { clock, diary, ends, supervisor } = await start(behaviours, { strategy, intensity });
          const id = (place: number) => IDS[place % behaviours.length]!;
          for (const { type, place } of schedule) {
            if (type === 'wait') await clock.advance(place);
            else if (type === 'fail') diary.failNext(id(place), 1);
            else if (type === 'crash') diary.crash(id(place));
            else diary.end(id(place));
          }
          if (stops) void supervisor.stop('shutdown');
          await clock.advance(60_000);
          expect(ends.length).toBeLessThanOrEqual(1);
          const over = stops || ends.length === 1;
          for (const [place, { restart }] of behaviours.entries()) {
            if (over) expect(diary.isAlive(IDS[place]!)).toBe(false);
            else if (restart === 'permanent') expect(diary.isAlive(IDS[place]!)).toBe(true);
            const shown = supervisor.branch.find(IDS[place]!)?.state;
            expect(shown).toBe(diary.isAlive(IDS[place]!) ? 'running' : 'stopped');
          }
          // The scripted children heed their kill, so no two lives of one child ever meet.
          expect(diary.mostAlive).toBeLessThanOrEqual(1);
          expect(clock.pending).toBe(0);
        },
      ),
      RUNS,
    );
  });
});
