/** Which pools are awake when a system has started, and who sleeps where there are many. */
import { describe, expect, it } from 'vitest';
import { type Clock, type Command, keyOf } from '../../../actors/index.ts';
import { createMemoryLog, type PoolName } from '../../../eventlog/index.ts';
import { append, backendAdded, poolCreated, poolOf, write } from '../../eventlog/appends.ts';
import { eventually } from '../../support/eventually.ts';
import { startSystem } from '../../support/system.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** A system over a log that has so many pools. `after`: told when anything that was due has begun. */
async function started(count: number, after = () => {}) {
  const log = createMemoryLog({ now: Date.now });
  const names = Array.from({ length: count }, (_, at) => `p${at}` as PoolName);
  const events = [poolCreated(), backendAdded('b.1')];
  await log.append(append(names.map((name) => write(poolOf(name), 0, events))));
  const clock = new VirtualClock();
  const setTimer: Clock['setTimer'] = (run, delayMs) => {
    return clock.setTimer(() => {
      run();
      after();
    }, delayMs);
  };
  const { system, ledger } = await startSystem(() => log, { now: clock.now, setTimer });
  const rows = (name: PoolName) => ledger.rowsOf(keyOf(name)).length;
  return { system, clock, names, rows, [Symbol.asyncDispose]: () => system.stop() };
}

it('few pools have their ledgers from the start, and keep them', async () => {
  await using s = await started(300);
  expect(s.names.filter((name) => s.rows(name) === 0)).toEqual([]);
  await s.clock.advance(60_000);
  expect(s.system.owners.awakeCount).toBe(300);
});

it('of many each is woken by who asks for it, and those that nobody uses sleep again', async () => {
  await using s = await started(1001);
  const { owners } = s.system;
  expect(owners.awakeCount).toBe(0);
  const some = s.names.slice(0, 300);
  for (const name of some) expect(await owners.wake(name)).toBe(true);
  expect(some.filter((name) => s.rows(name) === 0)).toEqual([]);
  await s.clock.advance(10_000);
  expect(owners.awakeCount).toBe(300);
  await s.clock.advance(20_000);
  expect(owners.awakeCount).toBe(250);
  expect(some.filter((name) => s.rows(name) > 0)).toHaveLength(250);
});

it('none sleeps while its probes may find that a backend has started', async () => {
  await using s = await started(1001);
  const [pool] = s.names;
  const settings = { health: { active: { path: '/up' } } };
  const backends = { 'b.1': { address: '127.0.0.1:9', state: 'starting' } } as const;
  await s.system.desk.ask({ type: 'PutPool', pool: pool!, settings, backends }, { author: 'test' });
  for (const name of s.names.slice(1, 300)) await s.system.owners.wake(name);
  await s.clock.advance(60_000);
  expect([s.system.owners.awakeCount, s.rows(pool!)]).toEqual([250, 1]);
});

it('one life looks after them, also where the one before was ended in the midst of a look', async () => {
  let pending = 0;
  await using s = await started(1001, () => {
    // Whoever looks sets its timer again when it has looked.
    if (s.clock.pending < pending) void s.system.sabotage('activation');
  });
  for (const name of s.names.slice(0, 300)) await s.system.owners.wake(name);
  await s.clock.advance(1000);
  pending = s.clock.pending;
  await s.clock.advance(3000);
  expect(s.system.census().kinds.get('activation')?.restarts).toBe(3);
  expect(s.clock.pending).toBe(pending);
});

describe('pools that a bulk created asleep', () => {
  const named = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => `q${from + at}` as PoolName);
  const put = (pool: PoolName): Command => ({
    type: 'PutPool',
    pool,
    settings: {},
    backends: { 'b.1': { address: '127.0.0.1:9' } },
  });
  const carryOut = ({ system }: Awaited<ReturnType<typeof started>>, commands: Command[], digest: string) =>
    system.desk.carryOut(() => ({ type: 'commands', commands }), { author: 'test' }, digest);

  it('are woken within a second, if they are few', async () => {
    await using s = await started(10);
    const names = named(0, 300);
    expect(await carryOut(s, names.map(put), 'all')).toMatchObject({ type: 'done', changed: 300 });
    expect(names.filter((name) => s.rows(name) > 0)).toEqual([]);
    await s.clock.advance(1000);
    await eventually(() => names.every((name) => s.rows(name) > 0), 'all awake');
    expect(s.system.owners.awakeCount).toBe(310);
    await s.clock.advance(60_000);
    expect(s.system.owners.awakeCount).toBe(310);
  });

  it('are not, if they were removed meanwhile', async () => {
    await using s = await started(10);
    await carryOut(s, named(0, 300).map(put), 'all');
    const removals = named(100, 200).map((pool): Command => ({ type: 'RemovePool', pool }));
    expect(await carryOut(s, removals, 'some')).toMatchObject({ type: 'done', changed: 200 });
    await s.clock.advance(1000);
    await eventually(() => s.system.owners.awakeCount === 110, 'those that are left');
  });

  it('sleep on, if there are many; then those that nobody uses sleep as well', async () => {
    await using s = await started(300);
    expect(await carryOut(s, named(0, 701).map(put), 'all')).toMatchObject({ type: 'done', changed: 701 });
    await s.clock.advance(1000);
    expect(s.system.owners.awakeCount).toBe(300);
    await s.clock.advance(30_000);
    expect(s.system.owners.awakeCount).toBe(250);
  });
});
