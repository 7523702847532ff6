import { describe, expect, it } from 'vitest';
import {
  type ChildContext,
  type ChildEnd,
  crashed,
  type Running,
} from '../../../actors/supervision/child-spec.ts';
import { type DynamicSpec, DynamicSupervisor } from '../../../actors/supervision/dynamic-supervisor.ts';
import type { SupervisionEvent } from '../../../actors/supervision/supervision-event.ts';
import { Supervisor } from '../../../actors/supervision/supervisor.ts';
import { createWorld } from '../../../actors/supervision/world.ts';
import { type Behaviour, Diary } from '../../support/scripted-child.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

async function open(behaviour: Behaviour = {}, given: Partial<DynamicSpec<Running>> = {}) {
  const clock = new VirtualClock();
  const diary = new Diary(clock);
  // No chance: the first parking lasts 75 ms, the second 150, the longest 3 750.
  const world = createWorld(clock, () => 0.5);
  const events: SupervisionEvent[] = [];
  world.observers.observe((event) => events.push(event));
  const children = new DynamicSupervisor<Running>(
    {
      id: 'pools',
      kind: 'pool',
      restart: 'permanent',
      shutdownMs: 100,
      intensity: 2,
      periodMs: 1000,
      start: (context) => diary.start(context, behaviour),
      ...given,
    },
    world,
  );
  const ends: ChildEnd[] = [];
  const supervisor = new Supervisor(
    { id: 'top', strategy: 'one_for_one', intensity: 1, periodMs: 1000, children: [children.childSpec()] },
    world,
    (end) => ends.push(end),
  );
  await supervisor.start();
  events.length = 0;
  return { clock, diary, events, ends, children, supervisor };
}

/** A crash after which the child is parked, as its window of two restarts is spent. */
async function park({ clock, diary, children }: Awaited<ReturnType<typeof open>>, id: string) {
  children.ensure(id);
  await clock.settle();
  for (let round = 0; round < 3; round += 1) {
    diary.crash(id);
    await clock.settle();
  }
}

describe('children on demand', () => {
  it('starts a child when it is asked for, once', async () => {
    const { children, diary } = await open();
    expect(children.ensure('web').type).toBe('running');
    expect(children.ensure('web').type).toBe('running');
    expect(diary.take()).toEqual(['start web', 'up web']);
    expect(children.lookup('web')).toBeDefined();
    expect(children.size).toBe(1);
  });

  it('knows nothing of a child nobody asked for', async () => {
    const { children } = await open();
    expect(children.lookup('web')).toBeUndefined();
    expect(children.status('web')).toEqual({ type: 'absent' });
    expect(await children.whenRunning('web')).toEqual({ type: 'absent' });
    await children.stop('web');
  });

  it('is starting until a slow start is done, and lets one wait for it', async () => {
    const { children, clock } = await open({ startMs: 50 });
    expect(children.ensure('web')).toEqual({ type: 'starting' });
    expect(children.lookup('web')).toBeUndefined();
    const waited = children.whenRunning('web');
    await clock.advance(50);
    expect(await waited).toMatchObject({ type: 'running', running: children.lookup('web') });
  });

  it('forgets a child that was stopped', async () => {
    const { children, diary } = await open();
    children.ensure('web');
    await children.stop('web');
    expect(diary.take().slice(2)).toEqual(['stop web', 'down web']);
    expect(children.size).toBe(0);
  });

  it('starts a child anew that is asked for while it stops, once it is gone', async () => {
    const { children, clock, diary } = await open({ stopMs: 50 });
    children.ensure('web');
    const gone = children.stop('web');
    expect(children.status('web')).toEqual({ type: 'absent' });
    expect(children.ensure('web')).toEqual({ type: 'starting' });
    const waited = children.whenRunning('web');
    await clock.advance(50);
    await gone;
    expect((await waited).type).toBe('running');
    expect(diary.take()).toEqual(['start web', 'up web', 'stop web', 'down web', 'start web', 'up web']);
    expect(diary.mostAlive).toBe(1);
  });

  it('lets the last word be a stop', async () => {
    const { children, clock } = await open({ stopMs: 50 });
    children.ensure('web');
    void children.stop('web');
    children.ensure('web');
    const waited = children.whenRunning('web');
    const gone = children.stop('web');
    expect(await waited).toEqual({ type: 'absent' });
    await clock.advance(50);
    await gone;
    expect(children.size).toBe(0);
  });

  it('kills a child that takes longer than its shutdown time', async () => {
    const { children, clock, diary, events } = await open({ stopMs: Number.POSITIVE_INFINITY });
    children.ensure('web');
    const gone = children.stop('web');
    await clock.advance(100);
    await gone;
    expect(diary.take().slice(2)).toEqual(['stop web', 'kill web', 'down web']);
    expect(events.at(-1)).toMatchObject({ id: 'pool:web', type: 'stopped', how: 'killed' });
  });

  it('forgets a transient child that ended normally, and restarts one that crashed', async () => {
    const { children, clock, diary } = await open({}, { restart: 'transient' });
    children.ensure('web');
    diary.crash('web');
    await clock.settle();
    expect(children.status('web').type).toBe('running');
    diary.end('web');
    expect(children.status('web')).toEqual({ type: 'absent' });
  });

  it('never restarts a temporary child', async () => {
    const { children, clock, diary } = await open({}, { restart: 'temporary' });
    children.ensure('web');
    diary.crash('web');
    await clock.settle();
    expect(children.size).toBe(0);
  });
});

describe('a crash', () => {
  it('restarts the child outside the stack of the one that crashed', async () => {
    const { children, clock, diary, events } = await open();
    children.ensure('web');
    const first = children.lookup('web');
    diary.crash('web');
    expect(children.status('web')).toMatchObject({ type: 'restarting', error: new Error('web has a bug') });
    const waited = children.whenRunning('web');
    await clock.settle();
    expect((await waited).type).toBe('running');
    expect(children.lookup('web')).not.toBe(first);
    expect(events.map((event) => event.type)).toEqual(['started', 'crashed', 'restarted']);
  });

  it('leaves the neighbours alone', async () => {
    const { children, clock, diary } = await open();
    children.ensure('api');
    const api = children.lookup('api');
    children.ensure('web');
    diary.crash('web');
    await clock.settle();
    expect(children.lookup('api')).toBe(api);
  });

  it('in the first start is followed by restarts, and then parking', async () => {
    const { children, clock, diary, events } = await open();
    diary.failNext('web', 3);
    expect(children.ensure('web').type).toBe('restarting');
    const waited = children.whenRunning('web');
    await clock.settle();
    expect(await waited).toMatchObject({ type: 'parked', error: new Error('web cannot start') });
    expect(events.map((event) => event.type)).toEqual(['crashed', 'crashed', 'crashed', 'parked']);
    await clock.advance(75);
    expect(children.status('web').type).toBe('running');
  });

  it('of a child that is stopped before its restart is not followed by one', async () => {
    const { children, clock, diary } = await open();
    children.ensure('web');
    diary.crash('web');
    await children.stop('web');
    await clock.settle();
    expect(diary.take()).toEqual(['start web', 'up web', 'crash web']);
    expect(children.size).toBe(0);
  });

  it('of many at once is worked off in turns, all of it', async () => {
    const { children, clock, diary } = await open();
    for (let n = 0; n < 1000; n += 1) children.ensure(`p${n}`);
    for (let n = 0; n < 1000; n += 1) diary.crash(`p${n}`);
    expect(children.branch.counts()).toMatchObject({ restarting: 1000, running: 0 });
    await clock.settle();
    expect(children.branch.counts()).toMatchObject({ restarting: 0, running: 1000 });
  });
});

describe('a child that spent its window', () => {
  it('is parked, shows why and until when, and does not escalate', async () => {
    const all = await open();
    await park(all, 'web');
    const { children, clock, ends } = all;
    expect(children.branch.find('pool:web')).toEqual({
      id: 'pool:web',
      kind: 'pool',
      state: 'parked',
      restarts: 2,
      sinceMs: clock.now(),
      lastError: { message: 'web has a bug', atMs: clock.now() },
      retryAtMs: clock.now() + 75,
    });
    expect(children.lookup('web')).toBeUndefined();
    expect(ends).toEqual([]);
  });

  it('is not waited for: the answer is that it is parked', async () => {
    const all = await open();
    await park(all, 'web');
    expect(all.children.ensure('web').type).toBe('parked');
    expect(await all.children.whenRunning('web')).toMatchObject({ type: 'parked' });
  });

  it('comes back when its time is over, not a millisecond before', async () => {
    const all = await open();
    await park(all, 'web');
    await all.clock.advance(74);
    expect(all.children.status('web').type).toBe('parked');
    await all.clock.advance(1);
    expect(all.children.status('web').type).toBe('running');
  });

  it('is parked for longer each time it crashes on trial, never for more than 5 s', async () => {
    const all = await open();
    await park(all, 'web');
    const parkings: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      const status = all.children.status('web');
      if (status.type !== 'parked') throw new Error(`expected parked, found ${status.type}`);
      parkings.push(status.retryAtMs - all.clock.now());
      await all.clock.advance(status.retryAtMs - all.clock.now());
      all.diary.crash('web');
      await all.clock.settle();
    }
    expect(parkings).toEqual([75, 150, 300, 600, 1200, 2400, 3750, 3750, 3750]);
  });

  it('is healthy again after a period without a crash', async () => {
    const all = await open();
    await park(all, 'web');
    await all.clock.advance(75 + 1000);
    all.diary.crash('web');
    await all.clock.settle();
    expect(all.children.status('web').type).toBe('running');
  });

  it('can be stopped, and is then not tried again', async () => {
    const all = await open();
    await park(all, 'web');
    await all.children.stop('web');
    all.diary.take();
    await all.clock.advance(10_000);
    expect(all.diary.take()).toEqual([]);
    expect(all.children.size).toBe(0);
  });

  it('begins with a clean record when it was stopped and is asked for again', async () => {
    const all = await open();
    await park(all, 'web');
    await all.children.stop('web');
    all.children.ensure('web');
    await all.clock.advance(75);
    expect(all.children.branch.find('pool:web')).toMatchObject({ state: 'running', restarts: 0 });
  });
});

describe('the dynamic supervisor itself', () => {
  it('stops all children at the same time, under one shutdown time', async () => {
    const { children, clock, diary, supervisor } = await open({ stopMs: Number.POSITIVE_INFINITY });
    children.ensure('a');
    children.ensure('b');
    diary.take();
    void supervisor.stop('shutdown');
    await clock.advance(99);
    expect(diary.take()).toEqual(['stop a', 'stop b']);
    await clock.advance(1);
    expect(diary.take()).toEqual(['kill a', 'down a', 'kill b', 'down b']);
    expect(clock.pending).toBe(0);
  });

  it('is gone with the last of its children, and not before', async () => {
    const { children, clock, supervisor } = await open({ stopMs: 50 });
    children.ensure('a');
    children.ensure('b');
    void children.stop('a');
    await clock.advance(30);
    let isGone = false;
    void supervisor.stop('shutdown').then(() => {
      isGone = true;
    });
    await clock.advance(49);
    expect([children.size, isGone]).toEqual([1, false]);
    await clock.advance(1);
    expect([children.size, isGone, clock.pending]).toEqual([0, true, 0]);
  });

  it('leaves no timer of a parked child behind', async () => {
    const all = await open();
    await park(all, 'web');
    await all.supervisor.stop('shutdown');
    expect(all.clock.pending).toBe(0);
  });

  it('answers absent while it is down', async () => {
    const { children, supervisor } = await open();
    children.ensure('web');
    await supervisor.stop('shutdown');
    expect(children.ensure('web')).toEqual({ type: 'absent' });
    expect(await children.whenRunning('web')).toEqual({ type: 'absent' });
  });

  it('tells those who wait when it goes down', async () => {
    const { children, clock, supervisor } = await open({ startMs: 10_000 });
    children.ensure('web');
    const waited = children.whenRunning('web');
    void supervisor.stop('shutdown');
    await clock.settle();
    expect(await waited).toEqual({ type: 'absent' });
  });

  it('crashes on demand, kills its children, and is the same object when it is up again', async () => {
    const { children, clock, diary, supervisor } = await open();
    children.ensure('web');
    expect(supervisor.branch.crashChild('pools', new Error('sabotage'))).toBe('crashed');
    await clock.settle();
    expect(diary.take()).toEqual(['start web', 'up web', 'kill web', 'down web']);
    expect(children.size).toBe(0);
    expect(children.ensure('web').type).toBe('running');
    expect(supervisor.branch.find('pools')).toMatchObject({ restarts: 1, state: 'running' });
  });

  it('crashes one child by its shown id', async () => {
    const { children, clock, supervisor } = await open();
    children.ensure('web');
    expect(supervisor.branch.crashChild('pool:web', new Error('sabotage'))).toBe('crashed');
    await clock.settle();
    expect(children.branch.find('pool:web')).toMatchObject({
      restarts: 1,
      lastError: { message: 'sabotage' },
    });
    expect(supervisor.branch.crashChild('pool:none', new Error('sabotage'))).toBe('unknown');
  });

  it('lets a child crash in its own way, if it has one', async () => {
    const { children, clock } = await open({}, { start: (context) => ownWay(context) });
    children.ensure('web');
    children.branch.crashChild('pool:web', new Error('sabotage'));
    await clock.settle();
    expect(children.branch.find('pool:web')).toMatchObject({ lastError: { message: 'own way: sabotage' } });
  });

  function ownWay(context: ChildContext): Running {
    return {
      stop() {},
      crash: (error) => context.exited(crashed(new Error(`own way: ${error.message}`))),
    };
  }
});
