import { expect, it } from 'vitest';
import { attachArena, createArena, keyOf } from '../../../../actors/pool/ledger/index.ts';
import { backend, leased, TestWaiter, WEB } from './world.ts';

const POOL = { policy: 'round-robin', maxWaiting: 9, whenEmpty: 'refuse', seed: 4 } as const;
const UNTIL_MS = 50;

it('a waiter is told of a grant once the call that queued it is over, however quick another thread was', async () => {
  // What the others do in the moment in which one of them rings, out of the lock.
  let meanwhile = () => {};
  const main = createArena({ threads: 4, ring: () => {}, record: false });
  const rows = [backend('a'), backend('b')];
  await main.define(WEB, POOL, rows, 'widen', { position: 1, nowMs: 1 });
  const pools = [1, 2, 3].map(() => attachArena(main.shared, main.enlist(), () => meanwhile()).pool(WEB)!);
  const [one, two, three] = pools as [(typeof pools)[0], (typeof pools)[0], (typeof pools)[0]];
  two.quarantine(keyOf('b'), 1, UNTIL_MS);
  const held = leased(two.checkout(1, [], new TestWaiter()));
  const first = new TestWaiter();
  expect(three.checkout(1, [], first)).toBe('queued');

  // It ends the quarantine, which serves the first, and rings; then the second is served by a check-in before its call is over.
  meanwhile = () => {
    meanwhile = () => {};
    two.checkin(held, UNTIL_MS, 'finished');
  };
  const second = new TestWaiter();
  expect(one.checkout(UNTIL_MS, [], second)).toBe('queued');
  expect([second.place === 0, second.lease]).toEqual([false, undefined]);
  await Promise.resolve();
  expect([second.place, second.lease?.backendKey]).toEqual([0, keyOf('a')]);
});
