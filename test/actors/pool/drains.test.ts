/** Drains as the ledger and the pool's owner have them, without a router around: when each is over, and who is told what. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createArena, keyOf, type Lease, type LeaseEnd, type PoolLedger } from '../../../actors/index.ts';
import { type DrainEnd, type Drained, Drains } from '../../../actors/pool/drains.ts';
import { LedgerBusy } from '../../../actors/pool/ledger/index.ts';
import { LedgerKeeper } from '../../../actors/pool/ledger-keeper.ts';
import { type PoolCommand, poolDecider } from '../../../actors/pool/pool.ts';
import type { PoolState } from '../../../actors/pool/pool-state.ts';
import type { BackendId, PoolName } from '../../../eventlog/index.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const WEB = 'web' as PoolName;
const A = 'a' as BackendId;
const ADDRESS = { address: '127.0.0.1:9001' };
const [LOOK_MS, AGAIN_MS] = [20, 1000];

class Scene {
  readonly clock = new VirtualClock(0);
  readonly ends: DrainEnd[] = [];
  readonly told: (Drained | undefined)[] = [];
  readonly failures: unknown[] = [];
  /** What the log says to the record of an end. */
  log: () => Promise<boolean> = async () => true;
  readonly ledger = createArena({ threads: 1, ring() {}, record: false });
  #state: PoolState = null;
  #version = 0;
  readonly #drains = new Drains({
    ledger: this.ledger,
    clock: this.clock,
    record: async (end) => {
      if (!(await this.log())) return false;
      this.ends.push(end);
      const { counts, ...rest } = end;
      await this.tell({ type: 'ConcludeDrain', ...rest, ...counts });
      return true;
    },
    failed: (_, error) => void this.failures.push(error),
  });
  readonly #keeper = new LedgerKeeper({
    ledger: this.ledger,
    now: this.clock.now,
    random: () => 0.5,
    named() {},
    restricted: (pool, state) => this.#drains.follow(pool, state),
    rested: (pool) => this.#drains.rested(pool),
  });

  async tell(command: PoolCommand): Promise<void> {
    const decision = poolDecider.decide(command, this.#state);
    if (decision.type === 'rejected') throw new Error(decision.rejection.detail);
    for (const event of decision.events) {
      this.#version += 1;
      this.#state = poolDecider.evolve(this.#state, { ...event, version: this.#version });
    }
    await this.wake();
  }

  /** Its owner brings the ledger in line. */
  wake(): Promise<void> {
    return this.#keeper.follow(WEB, this.#state, this.#version, () => {});
  }

  /** The process as it is after a restart: the log is all it has. */
  async restarted(): Promise<Scene> {
    const scene = new Scene();
    scene.#state = this.#state;
    scene.#version = this.#version;
    await scene.#keeper.follow(WEB, this.#state, this.#version, () => {});
    return scene;
  }

  drain(untilMs: number): Promise<void> {
    return this.tell({ type: 'DrainBackend', pool: WEB, id: A, untilMs });
  }

  put(): Promise<void> {
    return this.tell({ type: 'PutBackend', pool: WEB, id: A, backend: ADDRESS });
  }

  /** A request under way that is at home there, to be ended as is said. */
  lease(): (how?: LeaseEnd) => void {
    const pool = this.ledger.pool(keyOf(WEB)) as PoolLedger;
    const lease = pool.checkout(0, [], { place: 0, granted() {}, refused() {} }, 0, 0, keyOf(A)) as Lease;
    return (how = 'finished') => pool.checkin(lease, this.clock.now(), how);
  }

  /** Its ledger is given back; false: it is in use. */
  rest(): Promise<boolean> {
    return this.#keeper.rest(WEB, this.#keeper.ticket(WEB), this.#version);
  }

  /** Somebody waits for the end from now on. */
  wait(gone = new AbortController().signal): void {
    void this.#drains.ended(WEB, A, this.#state, gone).then((end) => this.told.push(end));
  }
}

describe('a drain', () => {
  let s: Scene;

  beforeEach(async () => {
    s = new Scene();
    await s.tell({ type: 'PutPool', pool: WEB, settings: {}, backends: { [A]: ADDRESS } });
  });

  it('is over with the last that was under way: recorded once, and then told', async () => {
    const [before, finished, cut] = [s.lease(), s.lease(), s.lease()];
    before();
    await s.drain(5000);
    s.wait();
    s.wait();
    finished();
    await s.clock.advance(10 * LOOK_MS);
    expect([s.ends, s.told]).toEqual([[], []]);
    cut('cut');
    await s.clock.advance(LOOK_MS);
    const counts = { finished: 1, cut: 1 };
    expect(s.ends).toEqual([{ pool: WEB, id: A, untilMs: 5000, counts }]);
    expect(s.told).toEqual([
      { type: 'drained', ...counts },
      { type: 'drained', ...counts },
    ]);
    s.wait();
    await s.clock.settle();
    expect(s.told.at(-1), 'from the state').toEqual({ type: 'drained', ...counts });
    expect(s.clock.pending, 'nobody looks any more').toBe(0);
    await s.put();
    const next = s.lease();
    await s.drain(9000);
    s.wait();
    next('cut');
    await s.clock.advance(LOOK_MS);
    expect(s.told.at(-1), 'of this drain alone').toEqual({ type: 'drained', finished: 0, cut: 1 });
  });

  it('of an idle backend is over at once', async () => {
    await s.drain(5000);
    s.wait();
    await s.clock.settle();
    expect(s.told).toEqual([{ type: 'drained', finished: 0, cut: 0 }]);
  });

  it('that cannot be recorded is tried again in a second, and nobody is told before', async () => {
    const answers = [false, false];
    s.log = async () => answers.shift() ?? true;
    await s.drain(5000);
    s.wait();
    await s.clock.advance(2 * AGAIN_MS - 1);
    expect([answers.length, s.told]).toEqual([0, []]);
    await s.clock.advance(2 * LOOK_MS + 1);
    expect(s.told).toEqual([{ type: 'drained', finished: 0, cut: 0 }]);
    expect(s.ends).toHaveLength(1);
  });

  it('that a mistake of ours keeps from being judged is told as that of its pool, and is judged at the next look', async () => {
    const mistake = new TypeError('cannot read properties of undefined');
    const finished = s.lease();
    await s.drain(5000);
    s.wait();
    finished();
    const { rowsOf } = s.ledger;
    s.ledger.rowsOf = () => {
      throw mistake;
    };
    await s.clock.advance(LOOK_MS);
    expect([s.failures.at(-1), s.told]).toEqual([mistake, []]);
    s.ledger.rowsOf = rowsOf;
    await s.clock.advance(LOOK_MS);
    expect(s.told).toEqual([{ type: 'drained', finished: 1, cut: 0 }]);
  });

  it('waits once a look for the lock of a pool, of however many backends', async () => {
    const backends = Object.fromEntries(['a', 'b', 'c'].map((id) => [id, ADDRESS]));
    await s.tell({ type: 'PutPool', pool: WEB, settings: {}, backends });
    const finished = s.lease();
    for (const id of ['a', 'b', 'c'] as BackendId[])
      await s.tell({ type: 'DrainBackend', pool: WEB, id, untilMs: 5000 });
    s.wait();
    finished();
    const { rowsOf } = s.ledger;
    const waits: number[] = [];
    s.ledger.rowsOf = () => {
      waits.push(s.clock.now());
      throw new LedgerBusy('lock 1 is held by thread 1');
    };
    await s.clock.advance(LOOK_MS);
    expect(waits.length).toBeGreaterThan(0);
    expect([waits, s.failures]).toEqual([[...new Set(waits)], []]);
    s.ledger.rowsOf = rowsOf;
    await s.clock.advance(LOOK_MS);
    expect(s.told).toEqual([{ type: 'drained', finished: 1, cut: 0 }]);
  });

  it('begun anew while its end was recorded has an end of its own', async () => {
    const recording = Promise.withResolvers<boolean>();
    s.log = () => recording.promise;
    await s.drain(5000);
    s.wait();
    await s.clock.advance(LOOK_MS);
    await s.drain(9000);
    s.log = async () => true;
    recording.resolve(true);
    await s.clock.advance(2 * LOOK_MS);
    expect(s.ends.map(({ untilMs }) => untilMs)).toEqual([5000, 9000]);
    expect(s.told).toEqual([{ type: 'drained', finished: 0, cut: 0 }]);
  });

  it('is withdrawn when the backend is put up again, and nothing is recorded', async () => {
    const end = s.lease();
    await s.drain(5000);
    s.wait();
    await s.put();
    await s.clock.settle();
    expect(s.told).toEqual([{ type: 'withdrawn', finished: 0, cut: 0 }]);
    end();
    await s.clock.advance(AGAIN_MS);
    expect([s.ends, s.clock.pending]).toEqual([[], 0]);
    s.wait();
    await s.clock.settle();
    expect(s.told.at(-1)).toEqual({ type: 'withdrawn', finished: 0, cut: 0 });
  });

  it('goes on where the backend is removed, or its pool, until the last is over', async () => {
    for (const type of ['RemoveBackend', 'RemovePool'] as const) {
      s.told.length = 0;
      const end = s.lease();
      await s.drain(s.clock.now() + 5000);
      s.wait();
      await s.tell(type === 'RemovePool' ? { type, pool: WEB } : { type, pool: WEB, id: A });
      await s.clock.advance(5 * LOOK_MS);
      expect(s.told).toEqual([]);
      end('backend_failed');
      await s.clock.advance(LOOK_MS);
      expect(s.told).toEqual([{ type: 'removed', finished: 1, cut: 0 }]);
      expect(s.ends).toEqual([]);
      if (type === 'RemoveBackend') await s.put();
    }
  });

  it('where clients may come back is over at its deadline, not before', async () => {
    await s.tell({ type: 'PutPool', pool: WEB, settings: { affinity: { cookie: 'home' } } });
    await s.drain(5000);
    s.wait();
    await s.clock.advance(5000 - 1);
    expect(s.told).toEqual([]);
    await s.clock.advance(LOOK_MS);
    expect(s.told).toEqual([{ type: 'drained', finished: 0, cut: 0 }]);
  });

  it('where clients may come back is over at once when the backend is removed, or its pool', async () => {
    for (const type of ['RemoveBackend', 'RemovePool'] as const) {
      s.told.length = 0;
      await s.tell({ type: 'PutPool', pool: WEB, settings: { affinity: { cookie: 'home' } } });
      await s.put();
      await s.drain(s.clock.now() + 5000);
      s.wait();
      await s.tell(type === 'RemovePool' ? { type, pool: WEB } : { type, pool: WEB, id: A });
      await s.clock.advance(LOOK_MS);
      expect(s.told).toEqual([{ type: 'removed', finished: 0, cut: 0 }]);
    }
    expect(s.ends).toEqual([]);
  });

  it('goes on while its pool rests, and counts on when that is awake again', async () => {
    await s.tell({ type: 'PutPool', pool: WEB, settings: { affinity: { cookie: 'home' } } });
    for (const untilMs of [2000, 5000]) {
      await s.put();
      await s.drain(untilMs);
      s.lease()();
      await s.clock.advance(1000);
    }
    s.wait();
    expect(await s.rest()).toBe(true);
    await s.clock.advance(1000);
    await s.wake();
    s.lease()();
    s.lease()('cut');
    await s.clock.advance(5000);
    expect(s.told).toEqual([{ type: 'drained', finished: 2, cut: 1 }]);
    expect(s.ends).toHaveLength(1);
  });

  it('counts on when its backend moves meanwhile', async () => {
    await s.tell({ type: 'PutPool', pool: WEB, settings: { affinity: { cookie: 'home' } } });
    await s.drain(5000);
    s.wait();
    s.lease()();
    await s.clock.advance(1000);
    const backend = { address: '127.0.0.1:9002', state: 'draining' } as const;
    await s.tell({ type: 'PutBackend', pool: WEB, id: A, backend });
    await s.clock.advance(1000);
    s.lease()('cut');
    await s.clock.advance(5000);
    expect(s.told).toEqual([{ type: 'drained', finished: 1, cut: 1 }]);
  });

  it('goes on after a restart, and what was over is not told again', async () => {
    await s.tell({ type: 'PutPool', pool: WEB, settings: { affinity: { cookie: 'home' } } });
    await s.drain(5000);
    const next = await s.restarted();
    next.wait();
    next.lease()();
    await next.clock.advance(5000 + LOOK_MS);
    expect(next.told).toEqual([{ type: 'drained', finished: 1, cut: 0 }]);
    const last = await next.restarted();
    await last.clock.advance(5000 + AGAIN_MS);
    expect([next.ends.length, last.ends.length]).toEqual([1, 0]);
  });

  it('is not told to who went away, before or while it waited', async () => {
    s.lease();
    await s.drain(5000);
    const gone = new AbortController();
    s.wait(gone.signal);
    gone.abort();
    s.wait(AbortSignal.abort());
    await s.clock.settle();
    expect(s.told).toEqual([undefined, undefined]);
  });
});
