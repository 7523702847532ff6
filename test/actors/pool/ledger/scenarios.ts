/** Situations in which a thread does one thing to a pool, for the tests that kill it at each step of it. */
import { keyOf, type Lease } from '../../../../actors/pool/ledger/index.ts';
import { backend, defineWeb, leased, TestWaiter, type Thread, WEB, type World, web } from './world.ts';

export interface Stage {
  readonly world: World;
  readonly victim: Thread;
  readonly other: Thread;
  /** Those of the other thread that wait, and the leases it holds, when the victim acts. */
  readonly waiters: TestWaiter[];
  readonly leases: Lease[];
  act(): void;
}

export type Scenario = (
  world: World,
  victim: Thread,
  other: Thread,
) => Promise<Omit<Stage, 'world' | 'victim' | 'other'>>;

const NOW = 10;
const EJECTED = [
  { route: 0, untilMs: 12, level: 1 },
  { route: 7, untilMs: 13, level: 2 },
];

function waits(thread: Thread, tried: readonly string[] = [], hash = 0): TestWaiter {
  const waiter = new TestWaiter();
  const answer = web(thread).checkout(NOW, tried.map(keyOf), waiter, hash);
  if (answer !== 'queued') throw new Error(`expected to be queued, found ${String(answer)}`);
  return waiter;
}

function takes(thread: Thread): Lease {
  return leased(web(thread).checkout(NOW, [], new TestWaiter()));
}

const JUDGED = { failures: 1, windowMs: 1000, maxEjectedPercent: 50, quarantineMs: 100, slowStartMs: 50 };

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'sees one fail, which is ejected for its route': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b')], { health: JUDGED });
    const lease = leased(web(victim).checkout(NOW, [], new TestWaiter(), 0, 7));
    const leases = [takes(other)];
    const waiters = [waits(other), waits(other)];
    return { waiters, leases, act: () => void web(victim).checkin(lease, NOW + 1, 'backend_failed') };
  },
  'tries one that was ejected': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { ejections: EJECTED }), backend('b')], { health: JUDGED });
    const leases = [takes(other)];
    return { waiters: [], leases, act: () => void web(victim).checkout(NOW + 5, [], new TestWaiter(), 0, 7) };
  },
  'finds the trial of one that was ejected to have failed': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { ejections: EJECTED }), backend('b')], { health: JUDGED });
    const lease = leased(web(victim).checkout(NOW + 5, [], new TestWaiter(), 0, 7));
    const leases = [takes(other)];
    const waiters = [waits(other), waits(other)];
    return { waiters, leases, act: () => void web(victim).checkin(lease, NOW + 6, 'timed_out') };
  },
  'finds the trial of one that was ejected to have succeeded': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { ejections: EJECTED }), backend('b')], { health: JUDGED });
    const lease = leased(web(victim).checkout(NOW + 5, [], new TestWaiter(), 0, 7));
    const leases = [takes(other)];
    const waiters = [waits(other), waits(other)];
    return { waiters, leases, act: () => void web(victim).checkin(lease, NOW + 6, 'finished') };
  },
  'hears that probes pass again': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { isFailing: true }), backend('b')]);
    const leases = [takes(other)];
    const waiters = [waits(other)];
    return { waiters, leases, act: () => web(victim).probed(keyOf('a'), NOW, false) };
  },
  'takes a free backend': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b', { limit: 2 })]);
    const leases = [takes(other)];
    return { waiters: [], leases, act: () => void web(victim).checkout(NOW, [], new TestWaiter()) };
  },
  'takes its turn': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { limit: 2 }), backend('b', { weight: 3 })], {
      policy: 'round-robin',
    });
    const leases = [takes(other)];
    return { waiters: [], leases, act: () => void web(victim).checkout(NOW, [], new TestWaiter()) };
  },
  'takes what is expected to be quickest': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { limit: 2 }), backend('b', { limit: 2 })], { policy: 'peak-ewma' });
    web(other).checkin(takes(other), NOW, 'finished', 30);
    const leases = [takes(other)];
    return { waiters: [], leases, act: () => void web(victim).checkout(NOW + 5, [], new TestWaiter()) };
  },
  'says how long it took, and that it failed': async (world, victim, other) => {
    await defineWeb(world, [backend('a')], { policy: 'peak-ewma' });
    web(other).checkin(takes(other), NOW, 'finished', 30);
    const lease = takes(victim);
    const waiters = [waits(other), waits(other)];
    const act = () => void web(victim).checkin(lease, NOW + 5, 'server_error', 700);
    return { waiters, leases: [], act };
  },
  'joins the queue with what it is kept together by': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b')], { policy: 'consistent-hash' });
    const leases = [takes(other), takes(other)];
    const waiters = [waits(other, [], 77)];
    return { waiters, leases, act: () => void web(victim).checkout(NOW, [], new TestWaiter(), 78) };
  },
  'gives back two that waiters are kept together by': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b')], { policy: 'consistent-hash' });
    const leases = [takes(victim), takes(victim)];
    const waiters = [waits(other, [], 77), waits(other, ['a'], 78), waits(other, [], 79)];
    const act = () => {
      for (const lease of leases) web(victim).checkin(lease, NOW, 'finished');
    };
    return { waiters, leases: [], act };
  },
  'takes what the waiters may not have': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b')]);
    const a = takes(other);
    const b = takes(other);
    const tried = a.backendKey === keyOf('a') ? 'a' : 'b';
    const waiters = [waits(other, [tried]), waits(other, [tried])];
    web(other).checkin(a, NOW, 'finished');
    return { waiters, leases: [b], act: () => void web(victim).checkout(NOW, [], new TestWaiter()) };
  },
  'joins the queue': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    const leases = [takes(other)];
    const waiters = [waits(other), waits(other)];
    return { waiters, leases, act: () => void web(victim).checkout(NOW, [keyOf('b')], new TestWaiter()) };
  },
  'is refused': async (world, victim, other) => {
    await defineWeb(world, [backend('a')], { maxWaiting: 1 });
    const leases = [takes(other)];
    const waiters = [waits(other)];
    return { waiters, leases, act: () => void web(victim).checkout(NOW, [], new TestWaiter()) };
  },
  'gives back what nobody waits for': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b')]);
    const leases = [takes(other)];
    const lease = takes(victim);
    return { waiters: [], leases, act: () => void web(victim).checkin(lease, NOW, 'finished') };
  },
  'gives back what another thread waits for': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    const lease = takes(victim);
    const waiters = [waits(other), waits(other)];
    return { waiters, leases: [], act: () => void web(victim).checkin(lease, NOW, 'connect_failed') };
  },
  'gives back what only the second may have': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b', { state: 'draining' })]);
    const lease = takes(victim);
    const waiters = [waits(other, ['a', 'c']), waits(other), waits(other, ['a'])];
    return { waiters: waiters, leases: [], act: () => void web(victim).checkin(lease, NOW, 'finished') };
  },
  'gives back what it waits for itself': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    const lease = takes(victim);
    waits(victim);
    const waiters = [waits(other)];
    return { waiters, leases: [], act: () => void web(victim).checkin(lease, NOW, 'finished') };
  },
  'gives back the last lease of a removed backend': async (world, victim) => {
    await defineWeb(world, [backend('a'), backend('b', { state: 'draining' })]);
    const lease = takes(victim);
    await defineWeb(world, [backend('b', { state: 'draining' })], { phase: 'restrict' });
    return { waiters: [], leases: [], act: () => void web(victim).checkin(lease, NOW, 'finished') };
  },
  'leaves the middle of the queue': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    const leases = [takes(other)];
    const waiters = [waits(other)];
    const leaving = waits(victim);
    waiters.push(waits(other));
    return { waiters, leases, act: () => void web(victim).leave(leaving, NOW) };
  },
  'leaves when it was just granted': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    const lease = takes(other);
    const leaving = waits(victim);
    const waiters = [waits(other)];
    web(other).checkin(lease, NOW, 'finished');
    return {
      waiters,
      leases: [],
      act: () => void web(victim).checkin(leased(web(victim).leave(leaving, NOW)), NOW, 'unused'),
    };
  },
  'hears that it was granted': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    const lease = takes(other);
    waits(victim);
    const waiters = [waits(other)];
    web(other).checkin(lease, NOW, 'finished');
    return { waiters, leases: [], act: () => victim.ledger.deliver() };
  },
  'hears that the pool is gone': async (world, victim, other) => {
    await defineWeb(world, [backend('a')]);
    web(other).quarantine(keyOf('a'), NOW, NOW + 100);
    const waiters = [waits(other)];
    waits(victim);
    await world.main.drop(WEB, { position: 2, nowMs: NOW });
    return { waiters, leases: [], act: () => victim.ledger.deliver() };
  },
  'quarantines a backend': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b')]);
    const leases = [takes(other)];
    return { waiters: [], leases, act: () => web(victim).quarantine(keyOf('a'), NOW, NOW + 100) };
  },
  'ends two quarantines for three who wait': async (world, victim, other) => {
    await defineWeb(world, [backend('a'), backend('b'), backend('c')]);
    for (const id of ['a', 'b', 'c']) web(other).quarantine(keyOf(id), NOW, NOW + (id === 'c' ? 200 : 100));
    const waiters = [waits(other, ['a']), waits(other), waits(other)];
    return { waiters, leases: [], act: () => web(victim).expire(NOW + 100) };
  },
  'ends a quarantine on its way to a checkout': async (world, victim, other) => {
    await defineWeb(world, [backend('a', { limit: 2 })]);
    web(other).quarantine(keyOf('a'), NOW, NOW + 100);
    const waiters = [waits(other)];
    return {
      waiters,
      leases: [],
      act: () => void web(victim).checkout(NOW + 100, [], new TestWaiter()),
    };
  },
};
