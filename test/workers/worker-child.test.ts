import { expect, it } from 'vitest';
import { createArena } from '../../actors/index.ts';
import { Publisher } from '../../src/workers/index.ts';
import type { Receiver } from '../../src/workers/table/publisher.ts';
import { WorkerChild } from '../../src/workers/worker/worker-child.ts';

class CountingPublisher extends Publisher {
  readonly receivers = new Set<Receiver>();

  override enrol(receiver: Receiver): void {
    super.enrol(receiver);
    this.receivers.add(receiver);
  }

  override dismiss(receiver: Receiver): void {
    super.dismiss(receiver);
    this.receivers.delete(receiver);
  }
}

it('a worker that the system gives no thread leaves nothing behind for the tries that follow', () => {
  const ledger = createArena({ threads: 2, ring: () => {}, record: false });
  const publisher = new CountingPublisher();
  const boot = {
    headcount: undefined,
    journal: undefined,
    directory: '/nowhere',
    unreadable: [],
    pseudonym: 'p',
    // What cannot be sent to a thread fails as a thread that is not to be had.
    secret: (() => '') as unknown as string,
    listeners: [],
    accessLog: false,
  } as const;
  const parts = {
    number: 1,
    boot,
    ledger,
    publisher,
    headcount: undefined,
    now: Date.now,
    drainMs: 100,
    on: () => {},
    born: () => {},
    gone: () => {},
    crashed: () => {},
  };
  for (let tries = 0; tries < 3; tries++) expect(() => new WorkerChild(parts)).toThrow('could not be cloned');
  expect(publisher.receivers.size).toBe(0);
  expect(ledger.enlist()).toBe(1);
});
