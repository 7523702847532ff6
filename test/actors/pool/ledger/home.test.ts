/** A request that is at home at one backend: it goes there or waits while that lives, and anywhere else when it does not. */
import assert from 'node:assert/strict';
import { beforeEach, describe, expect, it } from 'vitest';
import { keyOf, type Lease } from '../../../../actors/pool/ledger/index.ts';
import type { PolicyName } from '../../../../actors/pool/policy/policies.ts';
import { backend, defineWeb, leased, TestWaiter, type Thread, WEB, type World, web, world } from './world.ts';

const NOW = 1000;
const [A, B] = [keyOf('a'), keyOf('b')];

describe.each<PolicyName>(['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'])(
  'with %s, a request at home at a backend',
  (policy) => {
    let stage: World;
    let one: Thread;
    let two: Thread;

    const set = (
      a: Parameters<typeof backend>[1] = {},
      phase: 'restrict' | 'widen' = 'widen',
      maxWaiting = 9,
    ) =>
      defineWeb(stage, [backend('a', a), backend('b', { limit: 0 })], {
        policy,
        phase,
        maxWaiting,
        nowMs: NOW,
      });
    const ask = (thread = one, waiter = new TestWaiter(), tried: number[] = []) =>
      web(thread).checkout(NOW, tried, waiter, 5, 0, A);
    const wait = (thread = one) => {
      const waiter = new TestWaiter();
      expect(ask(thread, waiter)).toBe('queued');
      return waiter;
    };

    beforeEach(async () => {
      stage = world();
      await set();
      one = stage.thread();
      two = stage.thread();
    });

    it('goes there, every time', () => {
      for (let i = 0; i < 20; i++) {
        const lease = leased(ask(i % 2 === 0 ? one : two));
        expect(lease.backendKey).toBe(A);
        web(i % 2 === 0 ? one : two).checkin(lease, NOW, 'finished');
      }
      stage.verify(WEB);
    });

    it('waits for it while it is busy, though another is free, and overtakes nobody who waits for it too', () => {
      const held = leased(ask());
      const [first, second] = [wait(two), wait(one)];
      expect(leased(web(two).checkout(NOW, [], new TestWaiter())).backendKey).toBe(B);
      expect(stage.verify(WEB).queue).toHaveLength(2);
      web(one).checkin(held, NOW, 'finished');
      stage.hear(two);
      expect(first.lease?.backendKey).toBe(A);
      expect(second.lease).toBeUndefined();
      web(two).checkin(first.lease as Lease, NOW, 'finished');
      stage.hear(one);
      expect(second.lease?.backendKey).toBe(A);
      stage.verify(WEB);
    });

    it('says that it was busy when it leaves, and is refused when too many wait', async () => {
      await set({}, 'widen', 1);
      ask();
      const waiter = wait();
      expect(ask()).toBe('queue_full');
      expect(web(one).leave(waiter, NOW)).toBe('busy');
      stage.verify(WEB);
    });

    it('goes elsewhere at once when it is quarantined, also when it waits already, and comes home after', () => {
      const held = leased(ask());
      const waiter = wait(two);
      web(one).quarantine(A, NOW, NOW + 50);
      stage.hear(two);
      expect(waiter.lease?.backendKey).toBe(B);
      expect(leased(ask()).backendKey).toBe(B);
      web(one).checkin(held, NOW, 'connect_failed');
      expect(leased(web(one).checkout(NOW + 50, [], new TestWaiter(), 5, 0, A)).backendKey).toBe(A);
      stage.verify(WEB);
    });

    it('goes elsewhere when its probes fail, also when it waits already', () => {
      ask();
      const waiter = wait();
      web(two).probed(A, NOW, true);
      stage.hear(one);
      expect(waiter.lease?.backendKey).toBe(B);
      expect(leased(ask()).backendKey).toBe(B);
      web(two).probed(A, NOW, false);
      expect(ask()).toBe('queued');
      stage.verify(WEB);
    });

    it('goes elsewhere when it is ejected, also when it waits already', async () => {
      const health = {
        failures: 1,
        windowMs: 1000,
        maxEjectedPercent: 50,
        quarantineMs: 100,
        slowStartMs: 0,
      };
      await defineWeb(stage, [backend('a'), backend('b', { limit: 0 })], { policy, health, nowMs: NOW });
      const held = leased(ask());
      const waiters = [wait(two), wait(two)];
      const changes = web(one).checkin(held, NOW, 'backend_failed');
      expect(changes).toMatchObject([{ type: 'ejected', backendKey: A, untilMs: NOW + 100 }]);
      stage.hear(two);
      expect(waiters.map(({ lease }) => lease?.backendKey)).toEqual([B, B]);
      expect(leased(ask()).backendKey).toBe(B);
      stage.verify(WEB);
    });

    it.each(['removed', 'starting'] as const)(
      'goes elsewhere when it is %s, also when it waits already',
      async (how) => {
        ask();
        const waiter = wait();
        if (how === 'starting') await set({ state: 'starting' }, 'restrict');
        else await defineWeb(stage, [backend('b', { limit: 0 })], { policy, phase: 'restrict', nowMs: NOW });
        stage.hear(one);
        expect(waiter.lease?.backendKey).toBe(B);
        expect(leased(ask()).backendKey).toBe(B);
        stage.verify(WEB);
      },
    );

    it('goes there while it is being drained, where nobody new does', async () => {
      const held = leased(ask());
      const waiter = wait(two);
      await set({ state: 'draining' }, 'restrict');
      web(one).checkin(held, NOW, 'finished');
      stage.hear(two);
      expect(waiter.lease?.backendKey).toBe(A);
      for (let i = 0; i < 5; i++)
        expect(leased(web(one).checkout(NOW, [], new TestWaiter(), i)).backendKey).toBe(B);
      stage.verify(WEB);
    });

    it('goes there while it is being drained, though others wait before it who may not', async () => {
      const held = leased(ask());
      web(one).quarantine(B, NOW, NOW + 50);
      const [stranger, guest] = [new TestWaiter(), new TestWaiter()];
      expect(web(one).checkout(NOW, [], stranger)).toBe('queued');
      expect(ask(one, guest)).toBe('queued');
      await set({ state: 'draining' }, 'restrict');
      web(one).checkin(held, NOW, 'finished');
      stage.hear(one);
      expect(guest.lease?.backendKey).toBe(A);
      expect(stranger.lease).toBeUndefined();
      stage.verify(WEB);
    });

    it('goes elsewhere once it tried it', () => {
      expect(leased(ask(one, new TestWaiter(), [A])).backendKey).toBe(B);
      stage.verify(WEB);
    });

    it('goes anywhere where its home is of no pool', () => {
      const lease = web(one).checkout(NOW, [], new TestWaiter(), 5, 0, keyOf('elsewhere'));
      assert(typeof lease === 'object');
      stage.verify(WEB);
    });
  },
);
