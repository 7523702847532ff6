import { expect, it } from 'vitest';
import { createArena, keyOf } from '../../../actors/index.ts';
import { type Counted, Quota } from '../../../src/proxy/upstream/quota.ts';

const WEB = keyOf('web');

class Connection implements Counted {
  quota: Quota | undefined = undefined;
  isOpen = false;

  open(): void {
    this.isOpen = true;
  }

  sayGoodbye(): void {}
}

class Failing extends Connection {
  override open(): void {
    throw new Error('of this test');
  }
}

it('gives room to those who wait also after one that failed to open', async () => {
  const ledger = createArena({ threads: 1, ring() {}, record: false });
  const row = { backendKey: keyOf('web.1'), limit: 1, weight: 1, state: 'up', quarantineUntilMs: 0 } as const;
  const pool = { policy: 'round-robin', maxWaiting: 9, whenEmpty: 'refuse', seed: 1 } as const;
  await ledger.define(WEB, pool, [row], 'widen', { position: 1, nowMs: 1 });
  const shared = ledger.pool(WEB)!;
  const lease = shared.checkout(1, [], { place: 0, granted() {}, refused() {} });
  if (typeof lease === 'string') throw new Error(`expected a lease, found ${lease}`);
  const quota = new Quota(lease.row, shared.claims!, () => 1);
  ledger.watchRows({ look: () => quota.look() });

  const [first, failing, second, third] = [
    new Connection(),
    new Failing(),
    new Connection(),
    new Connection(),
  ];
  quota.admit(first);
  quota.admit(failing);
  expect(() => quota.left(first)).toThrow('of this test');
  quota.left(failing);
  quota.admit(second);
  quota.admit(third);
  expect([second.isOpen, third.isOpen]).toEqual([true, false]);
  quota.left(second);
  expect(third.isOpen).toBe(true);
});
