import { describe, expect, it } from 'vitest';
import {
  type ChildContext,
  type ChildEnd,
  type ChildSpec,
  crashed,
} from '../../../actors/supervision/child-spec.ts';
import type { SupervisionEvent } from '../../../actors/supervision/supervision-event.ts';
import { Supervisor, type SupervisorSpec } from '../../../actors/supervision/supervisor.ts';
import { supervisorChild } from '../../../actors/supervision/supervisor-child.ts';
import { createWorld, type World } from '../../../actors/supervision/world.ts';
import { type Behaviour, Diary } from '../../support/scripted-child.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

type Given = Partial<Pick<SupervisorSpec, 'strategy' | 'intensity' | 'periodMs'> & Pick<World, 'mayPass'>>;

function supervise(
  { mayPass, ...given }: Given,
  children: Record<string, Behaviour> | ((diary: Diary) => ChildSpec[]),
) {
  const clock = new VirtualClock();
  const diary = new Diary(clock);
  const world = createWorld(clock, () => 0.5, mayPass);
  const events: SupervisionEvent[] = [];
  world.observers.observe((event) => events.push(event));
  const specs =
    typeof children === 'function'
      ? children(diary)
      : Object.entries(children).map(([id, behaviour]) => diary.child(id, behaviour));
  const ends: ChildEnd[] = [];
  const supervisor = new Supervisor(
    { id: 'top', strategy: 'one_for_one', intensity: 3, periodMs: 1000, ...given, children: specs },
    world,
    (end) => ends.push(end),
  );
  return { clock, diary, world, events, ends, supervisor };
}

async function running(given: Given, children: Parameters<typeof supervise>[1]) {
  const all = supervise(given, children);
  const started = all.supervisor.start();
  await all.clock.advance(1000);
  await started;
  all.diary.take();
  return all;
}

const states = (supervisor: Supervisor) =>
  ['a', 'b', 'c'].map((id) => supervisor.branch.find(id)?.state ?? 'none');

describe('starting', () => {
  it('starts the children in the order of the specification', async () => {
    const { diary, supervisor } = supervise({}, { a: {}, b: {}, c: {} });
    await supervisor.start();
    expect(diary.take()).toEqual(['start a', 'up a', 'start b', 'up b', 'start c', 'up c']);
  });

  it('starts a child only when the one before it runs', async () => {
    const { clock, diary, supervisor } = supervise({}, { a: { startMs: 50 }, b: {} });
    void supervisor.start();
    await clock.advance(49);
    expect(diary.take()).toEqual(['start a']);
    await clock.advance(1);
    expect(diary.take()).toEqual(['up a', 'start b', 'up b']);
  });

  it('stops what runs, in reverse, and fails when a child fails its first start', async () => {
    const { diary, ends, supervisor } = supervise({}, { a: {}, b: {}, c: { failures: 1 } });
    await expect(supervisor.start()).rejects.toThrow('top did not start, because c crashed: c cannot start');
    expect(diary.take().slice(4)).toEqual(['start c', 'fail c', 'stop b', 'down b', 'stop a', 'down a']);
    expect(ends).toEqual([]);
  });

  it('fails over a temporary child that crashed, and over a permanent one that ended, in its first start', async () => {
    const temporary = supervise({}, { a: { restart: 'temporary', failures: 1 } });
    await expect(temporary.supervisor.start()).rejects.toThrow('top did not start, because a crashed');
    const permanent = supervise({}, (diary) => [
      {
        ...diary.child('a'),
        start: (context) => {
          context.exited({ type: 'normal' });
          return { stop() {} };
        },
      },
    ]);
    await expect(permanent.supervisor.start()).rejects.toThrow('top did not start, because a ended');
  });

  it('restarts who ran and crashed while another one still starts', async () => {
    const { clock, diary, supervisor } = supervise({}, { a: {}, b: { startMs: 50 } });
    const started = supervisor.start();
    await clock.advance(25);
    diary.crash('a');
    await clock.advance(25);
    await started;
    expect(diary.take()).toEqual(['start a', 'up a', 'start b', 'crash a', 'up b', 'start a', 'up a']);
  });

  it('fails when a start takes longer than its limit, and kills what comes of it later', async () => {
    const { clock, diary, supervisor } = supervise({}, { a: { startMs: 200, startLimitMs: 100 } });
    const started = expect(supervisor.start()).rejects.toThrow('expected a to start within 100 ms');
    await clock.advance(100);
    await started;
    await clock.advance(100);
    expect(diary.take()).toEqual(['start a', 'up a', 'kill a', 'down a']);
  });

  it('is up without a transient child that was done at once', async () => {
    const { supervisor } = supervise({}, (diary) => [
      {
        ...diary.child('a', { restart: 'transient' }),
        start: (context) => {
          context.exited({ type: 'normal' });
          return { stop() {} };
        },
      },
      diary.child('b'),
    ]);
    await supervisor.start();
    expect(states(supervisor)).toEqual(['stopped', 'running', 'none']);
  });

  it('refuses two children of one id', () => {
    expect(() => supervise({}, (diary) => [diary.child('a'), diary.child('a')])).toThrow('different ids');
  });

  it('refuses a window that counts nothing', () => {
    expect(() => supervise({ intensity: -1 }, {})).toThrow(
      'expected an intensity of top from 0 on, found -1',
    );
    expect(() => supervise({ periodMs: 0 }, {})).toThrow(
      'expected a period of top of at least 1 ms, found 0',
    );
  });
});

describe('stopping', () => {
  it('stops the children in reverse order, each when the one before is gone', async () => {
    const { clock, diary, supervisor } = await running({}, { a: {}, b: { stopMs: 50 }, c: {} });
    const stopped = supervisor.stop('shutdown');
    await clock.advance(49);
    expect(diary.take()).toEqual(['stop c', 'down c', 'stop b']);
    await clock.advance(1);
    await stopped;
    expect(diary.take()).toEqual(['down b', 'stop a', 'down a']);
  });

  it('kills a child that takes longer than its shutdown time', async () => {
    const { clock, diary, events, supervisor } = await running(
      {},
      { a: {}, b: { stopMs: Number.POSITIVE_INFINITY, shutdownMs: 100 } },
    );
    void supervisor.stop('shutdown');
    await clock.advance(99);
    expect(diary.take()).toEqual(['stop b']);
    await clock.advance(1);
    expect(diary.take()).toEqual(['kill b', 'down b', 'stop a', 'down a']);
    expect(events.at(-2)).toMatchObject({ id: 'b', type: 'stopped', how: 'killed' });
    expect(clock.pending).toBe(0);
  });

  it('does not ask a brutal child', async () => {
    const { clock, diary, supervisor } = await running({}, { a: { shutdownMs: 'brutal' } });
    void supervisor.stop('shutdown');
    await clock.settle();
    expect(diary.take()).toEqual(['kill a', 'down a']);
  });

  it('does not wait for ever for a child that survives its killing', async () => {
    const { clock, diary, events, supervisor } = await running(
      {},
      { a: {}, b: { shutdownMs: 'brutal', immortal: true } },
    );
    void supervisor.stop('shutdown');
    await clock.advance(1000);
    expect(diary.take()).toEqual(['kill b', 'stop a', 'down a']);
    expect(events.at(-2)).toMatchObject({ id: 'b', how: 'abandoned' });
  });

  it('kills a child whose stop throws, and says so', async () => {
    const { clock, events, supervisor } = await running({}, () => [
      {
        ...new Diary(new VirtualClock()).child('a'),
        start: () => ({
          stop(reason) {
            if (reason === 'shutdown') throw new Error('cannot');
          },
        }),
      },
    ]);
    void supervisor.stop('shutdown');
    await clock.settle();
    expect(events.at(-1)).toMatchObject({ type: 'stopped', how: 'killed', error: new Error('cannot') });
  });

  it('gives up a start under way, and stops what comes of it within the shutdown time', async () => {
    const { clock, diary, supervisor } = supervise({}, { a: {}, b: { startMs: 50 }, c: {} });
    const started = expect(supervisor.start()).rejects.toThrow('stopped before all its children ran');
    await clock.settle();
    diary.take();
    void supervisor.stop('shutdown');
    await clock.advance(50);
    await started;
    expect(diary.take()).toEqual(['up b', 'stop b', 'down b', 'stop a', 'down a']);
  });

  it('abandons a start that never settles, after the shutdown time', async () => {
    const { clock, diary, events, supervisor } = supervise(
      {},
      { a: {}, b: { startMs: Number.POSITIVE_INFINITY } },
    );
    supervisor.start().catch(() => {});
    await clock.settle();
    void supervisor.stop('shutdown');
    await clock.advance(100);
    expect(diary.take().slice(2)).toEqual(['start b', 'stop a', 'down a']);
    expect(events.at(-2)).toMatchObject({ id: 'b', how: 'abandoned' });
  });

  it('is not disturbed by a child that crashes meanwhile', async () => {
    const { clock, diary, ends, supervisor } = await running({}, { a: {}, b: { stopMs: 50 } });
    const stopped = supervisor.stop('shutdown');
    await clock.settle();
    diary.crash('a');
    diary.crash('b');
    await clock.advance(50);
    await stopped;
    expect(diary.take()).toEqual(['stop b', 'crash a', 'crash b']);
    expect(ends).toEqual([]);
  });

  it('gives every later stop the same end', async () => {
    const { supervisor } = await running({}, { a: {} });
    expect(supervisor.stop('shutdown')).toBe(supervisor.stop('shutdown'));
  });

  it('kills everything at once when it is itself killed', async () => {
    const { clock, diary, supervisor } = await running({}, { a: {}, b: { stopMs: 50 } });
    void supervisor.stop('shutdown');
    await clock.settle();
    void supervisor.stop('kill');
    await clock.settle();
    expect(diary.take()).toEqual(['stop b', 'kill b', 'down b', 'kill a', 'down a']);
  });
});

describe('a dispensable child', () => {
  it('is parked whatever it crashed for, however often, and takes nobody with it', async () => {
    const { clock, diary, ends, events, supervisor } = await running(
      { intensity: 1 },
      { a: { isDispensable: true }, b: {} },
    );
    for (let crashes = 0; crashes < 20; crashes++) {
      diary.crash('a');
      await clock.settle();
      expect(states(supervisor)).toEqual(['parked', 'running', 'none']);
      await clock.advance(5000);
    }
    expect(states(supervisor)).toEqual(['running', 'running', 'none']);
    expect(events.filter(({ type }) => type === 'parked')).toHaveLength(20);
    // Nor does it count for its sibling, who has its restart still.
    diary.crash('b');
    await clock.settle();
    expect([states(supervisor), ends]).toEqual([['running', 'running', 'none'], []]);
  });
});

describe('a child that fails for want of what time may bring', () => {
  const mayPass = (error: unknown) => (error as Error).message.endsWith('cannot start');
  const HOURS = 3_600_000;

  it('is parked and tried again with back-off for hours, and none of that is counted', async () => {
    const { clock, diary, ends, events, supervisor } = await running(
      { mayPass, intensity: 1 },
      { a: {}, b: {} },
    );
    const fromMs = clock.now();
    diary.failNext('a', Number.POSITIVE_INFINITY);
    diary.crash('a');
    await clock.advance(12 * HOURS);
    const parkings = events.filter((event) => event.type === 'parked');
    expect(parkings.slice(0, 3).map(({ retryAtMs }) => retryAtMs - fromMs)).toEqual([75, 225, 525]);
    const [last] = parkings.slice(-1);
    expect(last).toMatchObject({ id: 'a', error: new Error('a cannot start') });
    expect((last?.retryAtMs ?? 0) - (last?.atMs ?? 0)).toBe(3750);
    expect(supervisor.branch.find('a')).toMatchObject({ state: 'parked', retryAtMs: last?.retryAtMs });
    expect(ends).toEqual([]);
    diary.failNext('a', 0);
    await clock.advance(5000);
    expect(states(supervisor)).toEqual(['running', 'running', 'none']);
    expect(events.at(-1)).toMatchObject({ id: 'a', type: 'restarted' });
    // It is well: the next want begins with a short wait again, once it has been so for a period.
    await clock.advance(1000);
    diary.failNext('a', 1);
    diary.crash('a');
    await clock.settle();
    expect(supervisor.branch.find('a')).toMatchObject({ state: 'parked', retryAtMs: clock.now() + 75 });
  });

  it('waits longer where it had not run for a period before the next want, and as at first where it had', async () => {
    const { clock, diary, supervisor } = await running({ mayPass }, { a: {} });
    for (const [ranForMs, waitMs] of [
      [0, 75],
      [999, 150],
      [999, 300],
      [1000, 75],
    ] as const) {
      await clock.advance(ranForMs);
      diary.crash('a', new Error('what it needs cannot start'));
      await clock.settle();
      expect(supervisor.branch.find('a')).toMatchObject({
        state: 'parked',
        retryAtMs: clock.now() + waitMs,
      });
      await clock.advance(waitMs);
    }
  });

  it('is waited for by who starts after it, and by nobody else', async () => {
    const { clock, diary, supervisor } = await running(
      { mayPass, strategy: 'rest_for_one' },
      { a: {}, b: {}, c: {} },
    );
    diary.failNext('b', 2);
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'stop c', 'down c', 'start b', 'fail b']);
    expect(states(supervisor)).toEqual(['running', 'parked', 'restarting']);
    await clock.advance(75);
    expect(diary.take()).toEqual(['start b', 'fail b']);
    await clock.advance(150);
    expect(diary.take()).toEqual(['start b', 'up b', 'start c', 'up c']);
  });

  it('does not keep its siblings from being restarted, or the supervisor from giving up over one', async () => {
    const { clock, diary, ends, supervisor } = await running({ mayPass, intensity: 1 }, { a: {}, b: {} });
    diary.failNext('a', Number.POSITIVE_INFINITY);
    diary.crash('a');
    await clock.advance(2000);
    diary.take();
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'start b', 'up b']);
    diary.crash('b');
    await clock.settle();
    expect(ends).toMatchObject([{ error: { code: 'restarts_exceeded' } }]);
    expect(states(supervisor)).toEqual(['stopped', 'stopped', 'none']);
    expect(clock.pending).toBe(0);
  });

  it('is tried at once when one before it begins again, and not a second time', async () => {
    const { clock, diary } = await running({ mayPass, strategy: 'rest_for_one' }, { a: {}, b: {}, c: {} });
    diary.failNext('b', 1);
    diary.crash('b');
    await clock.settle();
    diary.take();
    diary.crash('a');
    await clock.settle();
    expect(diary.take()).toEqual(['crash a', 'start a', 'up a', 'start b', 'up b', 'start c', 'up c']);
    expect(clock.pending).toBe(0);
    await clock.advance(HOURS);
    expect(diary.take()).toEqual([]);
  });

  it('is stopped with the others, and never comes back', async () => {
    const { clock, diary, supervisor } = await running({ mayPass }, { a: {}, b: {} });
    diary.failNext('a', 1);
    diary.crash('a');
    await clock.settle();
    await supervisor.stop('shutdown');
    expect(clock.pending).toBe(0);
    await clock.advance(HOURS);
    expect(diary.take()).toEqual(['crash a', 'start a', 'fail a', 'stop b', 'down b']);
  });

  it('fails the start of a supervisor, where it has never run', async () => {
    const { clock, supervisor } = supervise({ mayPass }, { a: { failures: 1 } });
    await expect(supervisor.start()).rejects.toThrow('top did not start, because a crashed: a cannot start');
    expect(clock.pending).toBe(0);
  });
});

describe('restarting', () => {
  it('restarts only who crashed under one_for_one', async () => {
    const { clock, diary } = await running({}, { a: {}, b: {}, c: {} });
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'start b', 'up b']);
  });

  it('restarts only the later ones under rest_for_one', async () => {
    const { clock, diary } = await running({ strategy: 'rest_for_one' }, { a: {}, b: {}, c: {} });
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'stop c', 'down c', 'start b', 'up b', 'start c', 'up c']);
  });

  it('restarts everybody under one_for_all', async () => {
    const { clock, diary } = await running({ strategy: 'one_for_all' }, { a: {}, b: {}, c: {} });
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual([
      'crash b',
      'stop c',
      'down c',
      'stop a',
      'down a',
      'start a',
      'up a',
      'start b',
      'up b',
      'start c',
      'up c',
    ]);
  });

  it('restarts a permanent child that ended normally', async () => {
    const { clock, diary } = await running({}, { a: {} });
    diary.end('a');
    await clock.settle();
    expect(diary.take()).toEqual(['end a', 'start a', 'up a']);
  });

  it('does not restart a transient child that ended normally', async () => {
    const { clock, diary, supervisor } = await running({}, { a: { restart: 'transient' }, b: {} });
    diary.end('a');
    await clock.settle();
    expect(diary.take()).toEqual(['end a']);
    expect(states(supervisor)).toEqual(['stopped', 'running', 'none']);
  });

  it('restarts a transient child that had ended normally, when its whole group begins again', async () => {
    const { clock, diary } = await running(
      { strategy: 'one_for_all' },
      { a: { restart: 'transient' }, b: {} },
    );
    diary.end('a');
    await clock.settle();
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual(['end a', 'crash b', 'start a', 'up a', 'start b', 'up b']);
  });

  it('never restarts a temporary child, nor anybody because of it', async () => {
    const { clock, diary } = await running(
      { strategy: 'one_for_all' },
      { a: { restart: 'temporary' }, b: {} },
    );
    diary.crash('a');
    await clock.settle();
    expect(diary.take()).toEqual(['crash a']);
  });

  it('stops a temporary child with its group, and does not start it again', async () => {
    const { clock, diary } = await running(
      { strategy: 'one_for_all' },
      { a: { restart: 'temporary' }, b: {} },
    );
    diary.crash('b');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'stop a', 'down a', 'start b', 'up b']);
  });

  it('counts two siblings that crash together once, when the first crash restarts both', async () => {
    const { clock, diary, ends } = await running({ strategy: 'one_for_all', intensity: 1 }, { a: {}, b: {} });
    diary.crash('b');
    diary.crash('a');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'crash a', 'start a', 'up a', 'start b', 'up b']);
    expect(ends).toEqual([]);
  });

  it('counts a failed start as a crash, and tries again', async () => {
    const { clock, diary, supervisor } = await running({ intensity: 3 }, { a: {} });
    diary.failNext('a', 2);
    diary.crash('a');
    await clock.settle();
    expect(diary.take()).toEqual(['crash a', 'start a', 'fail a', 'start a', 'fail a', 'start a', 'up a']);
    expect(supervisor.branch.find('a')).toMatchObject({
      state: 'running',
      restarts: 3,
      lastError: { message: 'a cannot start' },
    });
  });

  it('goes on from the sibling that failed to start, under rest_for_one', async () => {
    const { clock, diary } = await running({ strategy: 'rest_for_one' }, { a: {}, b: {}, c: {} });
    diary.failNext('b', 1);
    diary.crash('a');
    await clock.settle();
    expect(diary.take().slice(5)).toEqual([
      'start a',
      'up a',
      'start b',
      'fail b',
      'start b',
      'up b',
      'start c',
      'up c',
    ]);
  });

  it('counts an end once, however often and however late it is told', async () => {
    const lives: ChildContext[] = [];
    const { clock, events } = await running({}, (diary) => [
      {
        ...diary.child('a'),
        start: (context) => {
          lives.push(context);
          return { stop() {} };
        },
      },
    ]);
    lives[0]?.exited(crashed('first'));
    lives[0]?.exited(crashed('second'));
    await clock.settle();
    lives[0]?.exited(crashed('third'));
    await clock.settle();
    expect(lives).toHaveLength(2);
    expect(events.map((event) => event.type)).toEqual(['started', 'crashed', 'restarted']);
  });

  it('takes a crash during its own start for a failed start', async () => {
    const { clock, diary } = await running({}, { a: { startMs: 50 } });
    diary.crash('a');
    await clock.settle();
    diary.crash('a');
    await clock.advance(50);
    // The first start still comes up, too late, and is killed; the second one runs.
    expect(diary.take()).toEqual([
      'crash a',
      'start a',
      'crash a',
      'start a',
      'up a',
      'kill a',
      'down a',
      'up a',
    ]);
  });

  it('does not wait for a start that may wait for the very sibling that crashed', async () => {
    const { clock, diary, supervisor } = await running(
      { strategy: 'rest_for_one' },
      { a: {}, b: { startMs: 500, shutdownMs: 0 } },
    );
    diary.crash('b');
    await clock.settle();
    diary.crash('a');
    await clock.advance(0);
    expect(diary.take()).toEqual(['crash b', 'start b', 'crash a', 'start a', 'up a', 'start b']);
    await clock.advance(500);
    expect(states(supervisor)).toEqual(['running', 'running', 'none']);
    expect(diary.mostAlive).toBe(1);
  });

  it('waits for an unrelated start, under one_for_one', async () => {
    const { clock, diary } = await running({}, { a: {}, b: { startMs: 50 } });
    diary.crash('b');
    await clock.settle();
    diary.crash('a');
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'start b', 'crash a']);
    await clock.advance(50);
    expect(diary.take()).toEqual(['up b', 'start a', 'up a']);
  });
});

describe('escalating', () => {
  it('stops the others in reverse and ends, when the intensity is exceeded', async () => {
    const { clock, diary, ends, events, supervisor } = await running(
      { intensity: 1 },
      { a: {}, b: {}, c: {} },
    );
    diary.crash('b');
    await clock.settle();
    diary.take();
    diary.crash('b', new Error('again'));
    await clock.settle();
    expect(diary.take()).toEqual(['crash b', 'stop c', 'down c', 'stop a', 'down a']);
    expect(ends).toMatchObject([{ type: 'crashed', error: { code: 'restarts_exceeded' } }]);
    expect(events.map((event) => event.type)).toContain('escalated');
    expect(states(supervisor)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  it('does not happen when the restarts lie further apart than the period', async () => {
    const { clock, diary, ends } = await running({ intensity: 1, periodMs: 1000 }, { a: {} });
    for (let round = 0; round < 5; round += 1) {
      diary.crash('a');
      await clock.advance(1001);
    }
    expect(ends).toEqual([]);
  });

  it('happens when a child never comes up again', async () => {
    const { clock, diary, ends } = await running({ intensity: 3 }, { a: {}, b: {} });
    diary.failNext('b', Number.POSITIVE_INFINITY);
    diary.crash('b');
    await clock.settle();
    expect(diary.take().filter((line) => line === 'fail b')).toHaveLength(3);
    expect(ends).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('happens over a mistake in supervision itself, with nobody left', async () => {
    const mistake = new Error('a mistake');
    const mayPass = () => {
      throw mistake;
    };
    const { clock, diary, ends } = await running({ mayPass }, { a: {}, b: {} });
    diary.crash('a');
    await clock.settle();
    expect(diary.take()).toEqual(['crash a', 'kill b', 'down b']);
    expect(ends).toEqual([crashed(mistake)]);
  });

  it('is a crash to the supervisor above, which restarts the whole branch by its own strategy', async () => {
    const { clock, diary, supervisor, world } = await nested();
    diary.crash('inner-b');
    await clock.settle();
    expect(diary.take()).toEqual(
      [
        'crash inner-b',
        'stop inner-a',
        'down inner-a',
        'stop c',
        'down c',
        'start inner-a',
        'up inner-a',
      ].concat(['start inner-b', 'up inner-b', 'start c', 'up c']),
    );
    expect(world.clock.now()).toBe(clock.now());
    expect(supervisor.branch.find('inner')).toMatchObject({
      kind: 'supervisor',
      state: 'running',
      restarts: 1,
    });
  });

  it('goes up to the root when the restart of a branch fails too often', async () => {
    const { clock, diary, ends } = await nested();
    diary.failNext('inner-a', Number.POSITIVE_INFINITY);
    diary.crash('inner-b');
    await clock.settle();
    expect(ends).toMatchObject([{ type: 'crashed', error: { code: 'restarts_exceeded' } }]);
    expect(diary.take().slice(-2)).toEqual(['stop a', 'down a']);
  });

  async function nested() {
    const clock = new VirtualClock();
    const diary = new Diary(clock);
    const world = createWorld(clock, () => 0.5);
    const inner = supervisorChild(
      {
        id: 'inner',
        strategy: 'one_for_one',
        intensity: 0,
        periodMs: 1000,
        children: [diary.child('inner-a'), diary.child('inner-b')],
      },
      world,
    );
    const ends: ChildEnd[] = [];
    const supervisor = new Supervisor(
      {
        id: 'top',
        strategy: 'rest_for_one',
        intensity: 3,
        periodMs: 1000,
        children: [diary.child('a'), inner, diary.child('c')],
      },
      world,
      (end) => ends.push(end),
    );
    await supervisor.start();
    diary.take();
    return { clock, diary, supervisor, ends, world };
  }
});
