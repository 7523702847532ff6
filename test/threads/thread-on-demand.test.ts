import { expect, it } from 'vitest';
import { ThreadOnDemand } from '../../src/threads/index.ts';
import { startChild } from '../support/start-child.ts';

class NotToBeHad extends Error {
  constructor(why?: Error) {
    super(why?.message);
  }
}

async function wanted(failure: Error): Promise<unknown> {
  const thread = new ThreadOnDemand({
    id: 'worker',
    name: 'worker',
    program: new URL('file:///nowhere.js'),
    workerData: undefined,
    idleMs: 1000,
    hear: () => {},
    lost: () => {},
    unavailable: (why) => new NotToBeHad(why),
    born: () => {
      throw failure;
    },
  });
  await startChild(thread);
  return thread.wanted().catch((error: unknown) => error);
}

it('a thread that the system has none for is not to be had, and a mistake of ours is told as one', async () => {
  // As Node says it where a process may have no more of them.
  const none = Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  expect(await wanted(none)).toEqual(new NotToBeHad(none));
  const mistake = new TypeError('expected a program');
  expect(await wanted(mistake)).toBe(mistake);
});
