import { afterEach, describe, expect, it } from 'vitest';
import {
  type AnyActorLogic,
  assign,
  createMachine,
  fromCallback,
  fromPromise,
  fromTransition,
  setup,
} from 'xstate';
import type { ChildEnd } from '../../../actors/supervision/child-spec.ts';
import type { Clock } from '../../../actors/supervision/clock.ts';
import { DynamicSupervisor } from '../../../actors/supervision/dynamic-supervisor.ts';
import { Incarnation, type Keeper } from '../../../actors/supervision/incarnation.ts';
import { Supervisor } from '../../../actors/supervision/supervisor.ts';
import { createWorld } from '../../../actors/supervision/world.ts';
import { startXstate, type XstateRunning } from '../../../actors/supervision/xstate-child.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** What would end the process: XState rethrows from a timer what nobody observed. */
const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
process.on('uncaughtException', note);
process.on('unhandledRejection', note);
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(unhandled.splice(0)).toEqual([]);
});

type Life<Logic extends AnyActorLogic> = {
  readonly clock: VirtualClock;
  readonly ends: ChildEnd[];
  readonly life: Incarnation;
  readonly running: XstateRunning<Logic> | undefined;
};

function live<Logic extends AnyActorLogic>(logic: Logic): Life<Logic> {
  const clock = new VirtualClock();
  const ends: ChildEnd[] = [];
  const keeper: Keeper = { id: 'x', kind: 'machine', started() {}, ended: (_, end) => ends.push(end) };
  const life = new Incarnation(keeper);
  life.begin((context) => startXstate(logic, context, { clock }), clock);
  return { clock, ends, life, running: life.running as XstateRunning<Logic> | undefined };
}

const BUG = new Error('a bug');
const bug = (): never => {
  throw BUG;
};
const crashed = [{ type: 'crashed', error: BUG }];

describe('an XState actor that throws', () => {
  it('in a transition has crashed', () => {
    const { ends, running } = live(
      fromTransition(
        (_: number, event: { type: 'go' | 'xstate.stop' }) => (event.type === 'go' ? bug() : 0),
        0,
      ),
    );
    running?.actor.send({ type: 'go' });
    expect(ends).toEqual(crashed);
  });

  it('in an action of a transition has crashed', () => {
    const { ends, running } = live(createMachine({ on: { GO: { actions: bug } } }));
    running?.actor.send({ type: 'GO' });
    expect(ends).toEqual(crashed);
  });

  it('in a guard has crashed', () => {
    const { ends, running } = live(createMachine({ on: { GO: { guard: bug } } }));
    running?.actor.send({ type: 'GO' });
    expect(ends).toMatchObject([{ type: 'crashed' }]);
  });

  it('in its first entry action has failed to start', () => {
    const { ends, running } = live(createMachine({ entry: bug }));
    expect(running).toBeUndefined();
    expect(ends).toEqual(crashed);
  });

  it('while its first context is made has failed to start', () => {
    const { ends } = live(createMachine({ context: bug }));
    expect(ends).toEqual(crashed);
  });

  it('in a delayed transition has crashed', async () => {
    const { clock, ends } = live(
      createMachine({ initial: 'a', states: { a: { after: { 100: 'b' } }, b: { entry: bug } } }),
    );
    await clock.advance(99);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual(crashed);
  });

  it('asynchronously, in a promise, has crashed', async () => {
    const { clock, ends } = live(fromPromise(async () => bug()));
    await clock.settle();
    expect(ends).toEqual(crashed);
  });

  it('asynchronously, in an invoked promise nobody handles, has crashed', async () => {
    const { clock, ends } = live(createMachine({ invoke: { src: fromPromise(async () => bug()) } }));
    await clock.settle();
    expect(ends).toEqual(crashed);
  });

  it('while it is being stopped is gone all the same', () => {
    // XState tells a transition function of its stop by an event, which it may not expect.
    const { clock, life, ends } = live(fromTransition(() => bug(), 0));
    const stopped: unknown[] = [];
    life.stop(clock, 100, (_, how) => stopped.push(how));
    expect(stopped).toEqual([{ how: 'stopped', error: BUG }]);
    expect(ends).toEqual([]);
  });

  it('leaves none of its own children running', async () => {
    const alive = new Set<string>();
    const ticking = (name: string) =>
      fromCallback(() => {
        alive.add(name);
        return () => alive.delete(name);
      });
    const { clock, ends, running } = live(
      createMachine({
        initial: 'calm',
        invoke: { id: 'outer', src: ticking('outer') },
        states: {
          calm: { on: { GO: 'busy' } },
          // `inner` is started in the very transition that throws.
          busy: {
            invoke: { id: 'inner', src: ticking('inner') },
            initial: 'deep',
            states: { deep: { entry: bug } },
          },
        },
      }),
    );
    expect([...alive]).toEqual(['outer']);
    running?.actor.send({ type: 'GO' });
    await clock.settle();
    expect(ends).toEqual(crashed);
    expect([...alive]).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('an XState actor that ends', () => {
  it('in a final state has ended normally', () => {
    const { ends, running } = live(
      createMachine({ initial: 'a', states: { a: { on: { GO: 'z' } }, z: { type: 'final' } } }),
    );
    running?.actor.send({ type: 'GO' });
    expect(ends).toEqual([{ type: 'normal' }]);
  });

  it('before it began has ended normally', () => {
    const { ends } = live(createMachine({ initial: 'z', states: { z: { type: 'final' } } }));
    expect(ends).toEqual([{ type: 'normal' }]);
  });

  it('because it is stopped has not ended by itself', () => {
    const { clock, ends, life } = live(createMachine({}));
    let gone = false;
    life.stop(clock, 100, () => {
      gone = true;
    });
    expect(gone).toBe(true);
    expect(ends).toEqual([]);
  });

  it('because it is stopped in the midst of an event ends after that event', async () => {
    const stopped: string[] = [];
    let stop = () => {};
    const machine = createMachine({
      context: { done: false },
      on: { GO: { actions: [() => stop(), assign({ done: true }), () => stopped.push('event done')] } },
    });
    const { clock, life, running } = live(machine);
    stop = () => life.stop(clock, 100, () => stopped.push('gone'));
    running?.actor.send({ type: 'GO' });
    await clock.settle();
    expect(stopped).toEqual(['event done', 'gone']);
  });

  it('leaves none of its timers behind when it is stopped', () => {
    const { clock, life } = live(
      createMachine({ initial: 'a', states: { a: { after: { 100: 'b' } }, b: {} } }),
    );
    expect(clock.pending).toBe(1);
    life.stop(clock, 100, () => {});
    expect(clock.pending).toBe(0);
  });
});

describe('an XState actor under supervision', () => {
  const counter = setup({
    types: { context: {} as { count: number }, events: {} as { type: 'add' } },
  }).createMachine({
    context: { count: 0 },
    on: { add: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  });

  async function counters() {
    const clock: VirtualClock & Clock = new VirtualClock();
    const world = createWorld(clock, () => 0.5);
    const children = new DynamicSupervisor<XstateRunning<typeof counter>>(
      {
        id: 'counters',
        kind: 'counter',
        restart: 'permanent',
        shutdownMs: 100,
        intensity: 1,
        periodMs: 1000,
        start: (context) => startXstate(counter, context, { clock }),
      },
      world,
    );
    const window = { strategy: 'one_for_one', intensity: 0, periodMs: 1000 } as const;
    const top = new Supervisor({ id: 'top', ...window, children: [children.childSpec()] }, world, () => {});
    await top.start();
    return { clock, children };
  }

  it('begins anew after a crash made on purpose, which looks like a throw in a transition', async () => {
    const { clock, children } = await counters();
    children.ensure('one');
    children.lookup('one')?.actor.send({ type: 'add' });
    expect(children.lookup('one')?.actor.getSnapshot().context.count).toBe(1);
    expect(children.branch.crashChild('counter:one', BUG)).toBe('crashed');
    expect(children.status('one').type).toBe('restarting');
    await clock.settle();
    expect(children.lookup('one')?.actor.getSnapshot().context.count).toBe(0);
    expect(children.branch.find('counter:one')).toMatchObject({
      restarts: 1,
      lastError: { message: 'a bug' },
    });
  });

  it('has the same id in every life, so that nothing grows with the number of crashes', async () => {
    const { clock, children } = await counters();
    children.ensure('one');
    const first = children.lookup('one')?.actor.id;
    children.branch.crashChild('counter:one', BUG);
    await clock.settle();
    expect(children.lookup('one')?.actor.id).toBe(first);
  });
});
