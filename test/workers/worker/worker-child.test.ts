import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { createArena } from '../../../actors/index.ts';
import { Publisher } from '../../../src/workers/index.ts';
import type { Receiver } from '../../../src/workers/table/publisher.ts';
import { WorkerChild } from '../../../src/workers/worker/worker-child.ts';

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

it('a worker that the system gives no thread leaves nothing behind for the tries that follow', async () => {
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
    mostToBackends: 0,
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
  // Node itself leaves some.
  const ofNode = await handlesLeftBy(() => new Worker('', { eval: true, workerData: boot }));
  for (let tries = 0; tries < 3; tries++)
    expect(await handlesLeftBy(() => new WorkerChild(parts))).toBe(ofNode);
  expect(publisher.receivers.size).toBe(0);
  expect(ledger.enlist()).toBe(1);
});

async function handlesLeftBy(failing: () => unknown): Promise<number> {
  const before = handles();
  expect(failing).toThrow('could not be cloned');
  // What is closed is gone a turn later.
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  return handles() - before;
}

function handles(): number {
  const report = process.report.getReport() as { readonly libuv: readonly { readonly type: string }[] };
  return report.libuv.filter(({ type }) => type === 'async').length;
}
