import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf, type Lease, type PoolLedger, unpackCheckpoint } from '../../actors/pool/ledger/index.ts';
import { ByteWriter } from '../../eventlog/index.ts';
import {
  backend,
  Died,
  defineWeb,
  TestWaiter,
  type Thread,
  WEB,
  type World,
  web,
  world,
} from '../../test/actors/pool/ledger/world.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const THREADS = 4;

const thread = fc.nat(THREADS - 1);
const some = fc.nat(1000);
const tried = fc.subarray(IDS);
const home = fc.constantFrom(0, 0, 0, 0, ...IDS.map(keyOf), keyOf('elsewhere'));
const end = fc.constantFrom('finished', 'backend_failed', 'client_gone', 'server_error', 'listed_status');
const route = fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 6);
const health = fc.constantFrom(undefined, 1, 2).map((failures) =>
  failures === undefined
    ? undefined
    : {
        failures,
        windowMs: 100,
        maxEjectedPercent: 60,
        quarantineMs: 20,
        slowStartMs: failures === 1 ? 0 : 50,
      },
);
const latencyMs = fc.constantFrom(-1, 0, 1.5, 20, 3000);
const settings = fc.record({
  policy: fc.constantFrom('least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'),
  whenEmpty: fc.constantFrom('refuse', 'hold'),
  maxWaiting: fc.nat(8),
  health,
});
const members = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...IDS),
    limit: fc.nat(3),
    weight: fc.integer({ min: 1, max: 5 }),
    state: fc.constantFrom('up', 'up', 'up', 'starting', 'draining'),
    place: fc.constantFrom(1, 1, 1, 2),
    quarantineUntilMs: fc.constantFrom(0, 0, 0, 50, 200),
    isFailing: fc.constantFrom(false, false, true),
    ejections: fc.subarray([
      { route: 0, untilMs: 70, level: 2 },
      { route: 3, untilMs: 90, level: 1 },
    ]),
  }),
  { selector: ({ id }) => id, maxLength: IDS.length },
);

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('checkout'), thread, tried, hash: fc.nat(5), route, home }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('checkin'), thread, some, end, latencyMs }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave'), thread, some }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('hear'), thread }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire'), thread }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('quarantine'),
      thread,
      id: fc.constantFrom(...IDS),
      ms: fc.nat(100),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('probe'),
      thread,
      id: fc.constantFrom(...IDS),
      isFailing: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('die'), thread, steps: fc.nat(40) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('define'),
      settings,
      members,
      phase: fc.constantFrom('restrict', 'widen', 'widen'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop') }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Of<Do extends Step['do']> = Extract<Step, { do: Do }>;

const UNJUDGED = { failures: 0, windowMs: 0, maxEjectedPercent: 0, quarantineMs: 0, slowStartMs: 0 };

/** Once a change is in force the ledger is what its owner said. */
function expectInForce({ main }: World, { settings, members }: Of<'define'>, nowMs: number): void {
  const packed = new ByteWriter();
  main.checkpoint(WEB, packed);
  const { rows, ...pool } = unpackCheckpoint(packed.written());
  expect(pool).toMatchObject({ widening: false, ...settings, health: settings.health ?? UNJUDGED });
  const present = rows.filter(({ removed }) => !removed);
  expect(new Set(present.map(({ backendKey }) => backendKey))).toEqual(
    new Set(members.map(({ id }) => keyOf(id))),
  );
  for (const { id, limit, weight, state, quarantineUntilMs } of members) {
    const row = present.find(({ backendKey }) => backendKey === keyOf(id));
    expect(row).toMatchObject({
      limit,
      weight,
      draining: state === 'draining',
      starting: state === 'starting',
    });
    if (quarantineUntilMs > nowMs)
      expect(row?.quarantined && row.untilMs).toBeGreaterThanOrEqual(quarantineUntilMs);
  }
  for (const { removed, inFlight } of rows) if (removed) expect(inFlight.size).toBeGreaterThan(0);
}

/** What one thread has out. */
interface Seat {
  thread: Thread;
  waiters: TestWaiter[];
  leases: Lease[];
}

async function run(steps: readonly Step[]): Promise<void> {
  const stage = world({ threads: THREADS + 2 });
  await defineWeb(stage, [backend('a', { limit: 2 }), backend('b'), backend('c'), backend('d')], {
    health: { failures: 1, windowMs: 100, maxEjectedPercent: 50, quarantineMs: 30, slowStartMs: 0 },
  });
  const seats = Array.from(
    { length: THREADS },
    (): Seat => ({ thread: stage.thread(), waiters: [], leases: [] }),
  );
  const view = new Map<Seat, PoolLedger | undefined>(seats.map((seat) => [seat, web(seat.thread)]));
  let nowMs = 0;

  const collect = (seat: Seat) => {
    for (const waiter of seat.waiters) {
      if (waiter.lease !== undefined) seat.leases.push(waiter.lease);
    }
    seat.waiters = seat.waiters.filter((waiter) => waiter.place !== 0);
  };
  const act = (seat: Seat, what: Step): void => {
    const pool = view.get(seat);
    // A thread that came while there was no pool does not know it.
    if (pool === undefined) return;
    if (what.do === 'checkout') {
      const waiter = new TestWaiter();
      const answer = pool.checkout(nowMs, what.tried.map(keyOf), waiter, what.hash, what.route, what.home);
      if (answer === 'queued') seat.waiters.push(waiter);
      else if (typeof answer === 'object') seat.leases.push(answer);
    } else if (what.do === 'checkin') {
      const [lease] = seat.leases.splice(what.some % Math.max(1, seat.leases.length), 1);
      if (lease !== undefined) pool.checkin(lease, nowMs, what.end, what.latencyMs);
    } else if (what.do === 'leave') {
      const [waiter] = seat.waiters.splice(what.some % Math.max(1, seat.waiters.length), 1);
      const answer = waiter === undefined || waiter.place === 0 ? undefined : pool.leave(waiter, nowMs);
      if (typeof answer === 'object') seat.leases.push(answer);
    } else if (what.do === 'hear') stage.hear(seat.thread);
    else if (what.do === 'expire') pool.expire(nowMs);
    else if (what.do === 'probe') pool.probed(keyOf(what.id), nowMs, what.isFailing);
    else if (what.do === 'quarantine') pool.quarantine(keyOf(what.id), nowMs, nowMs + what.ms);
  };
  const bury = async (seat: Seat) => {
    seat.thread.section.dead = true;
    await stage.main.reap(seat.thread.number, nowMs);
    stage.rung.delete(seat.thread.number);
    seat.thread = stage.thread();
    seat.waiters = [];
    seat.leases = [];
    view.set(seat, seat.thread.ledger.pool(WEB));
  };

  for (const what of steps) {
    if (what.do === 'pass') nowMs += what.ms;
    else if (what.do === 'define') {
      const rows = what.members.map(({ id, ...more }) => backend(id, more));
      const { health, ...settings } = what.settings;
      const judged = health === undefined ? {} : { health };
      await defineWeb(stage, rows, { ...settings, ...judged, phase: what.phase, nowMs });
      if (what.phase === 'widen') expectInForce(stage, what, nowMs);
      for (const seat of seats) view.set(seat, view.get(seat) ?? seat.thread.ledger.pool(WEB));
    } else if (what.do === 'drop') await stage.main.drop(WEB, { position: 1, nowMs });
    else if (what.do === 'die') seats[what.thread]!.thread.section.stepsLeft = what.steps;
    else {
      const seat = seats[what.thread]!;
      try {
        act(seat, what);
        collect(seat);
      } catch (error) {
        if (!(error instanceof Died)) throw error;
        await bury(seat);
      }
    }
    stage.verify(WEB);
  }
  for (const seat of seats) {
    seat.thread.section.stepsLeft = Number.POSITIVE_INFINITY;
    stage.hear(seat.thread);
    collect(seat);
  }
  const model = stage.verify(WEB);
  for (const seat of seats) expect(model.leasesOf(seat.thread.number)).toBe(seat.leases.length);
  for (const seat of seats) await bury(seat);
  const end = stage.verify(WEB);
  expect([...end.rows.values()].every((row) => row.leases.size === 0) && end.queue.length === 0).toBe(true);
}

describe('the ledger', () => {
  it('does what a naive model does, whatever happens and whoever dies', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), run), {
      numRuns: Number(process.env['LEDGER_RUNS'] ?? 300),
    });
  });
});
