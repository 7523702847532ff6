import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import { afterTurning } from '../../src/threads/index.ts';
import { PATIENCE_MS } from '../support/eventually.ts';

const ECHO = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.postMessage('up');
  parentPort.on('message', (message) => {
    parentPort.postMessage(message);
    Atomics.store(workerData, 0, 1);
    Atomics.notify(workerData, 0);
  });
`;
let echo: Worker | undefined;

afterEach(async () => void (await echo?.terminate()));

it('is over only once what another thread had said meanwhile was heard', async () => {
  const said = new Int32Array(new SharedArrayBuffer(4));
  echo = new Worker(ECHO, { eval: true, workerData: said });
  await once(echo, 'message');
  const heard = new Promise((resolve) => {
    const callOff = afterTurning(100, () => resolve('late'));
    echo!.once('message', (message) => {
      callOff();
      resolve(message);
    });
  });
  // After an immediate come the timers.
  await new Promise((resolve) => setImmediate(resolve));
  echo.postMessage('in time');
  expect(Atomics.wait(said, 0, 0, PATIENCE_MS)).not.toBe('timed-out');
  // For longer than it is patient.
  Atomics.wait(said, 0, 1, 200);
  expect(await heard).toBe('in time');
});

it.each([1, 100])('is over after %d ms of a thread that turns', async (ms) => {
  const tookMs: number[] = [];
  const took = async () => {
    const beganMs = performance.now();
    await new Promise<void>((resolve) => void afterTurning(ms, resolve));
    return performance.now() - beganMs;
  };
  for (let i = 0; i < 10; i++) tookMs.push(await took());
  expect(Math.min(...tookMs)).toBeGreaterThanOrEqual(ms - 1);
  // One of many: a busy machine adds to each.
  await expect.poll(took, { interval: 0 }).toBeLessThan(ms * 1.3 + 30);
});

it('is never over once it is called off', async () => {
  let isOver = false;
  const callOff = afterTurning(1, () => {
    isOver = true;
  });
  callOff();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(isOver).toBe(false);
});
