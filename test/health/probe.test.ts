import { execFile } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import { completePool } from '../../eventlog/index.ts';
import { probe } from '../../src/health/probe.ts';
import { NAMES } from '../../src/proxy/index.ts';

// In a thread of its own: it goes on where this one stands still.
const BACKEND = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:http').createServer((request, response) => {
    if (workerData !== null) setTimeout(() => response.writeHead(204).end(), workerData);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
const LIMITS = completePool({}).limits;
const TIMEOUT_MS = 400;
const workers: Worker[] = [];

afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

/** `inMs`: until it answers; null: it never does. */
async function backend(inMs: number | null) {
  const worker = new Worker(BACKEND, { eval: true, workerData: inMs });
  workers.push(worker);
  const [port] = (await once(worker, 'message')) as [number];
  return {
    address: { host: '127.0.0.1', port },
    path: '/',
    timeoutMs: TIMEOUT_MS,
    lookup: NAMES.lookup,
    limits: LIMITS,
  };
}

/** From an immediate: what comes next in the loop are its timers. */
async function standStill(ms: number): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What a probe hears of a backend that sends this, then its FIN. */
async function heardOf(pieces: readonly string[]) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const address = { host: '127.0.0.1', port };
  const question = { address, path: '/', timeoutMs: 5000, lookup: NAMES.lookup, limits: LIMITS };
  return probe(question).finally(() => server.close());
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it.each([
  ['before anything was sent', 0],
  ['while the backend answered', 50],
])('is no failure where the thread that asked stood still %s', async (_, afterMs) => {
  const question = await backend(150);
  const found = async () => {
    const heard = probe(question);
    // The client is loaded, so a turn later it connects.
    await later(afterMs);
    await standStill(3 * TIMEOUT_MS);
    return heard;
  };
  await expect.poll(() => probe(question)).toEqual({ status: 204 });
  // Once is enough: the backend may not have been given a processor in time.
  await expect.poll(found, { interval: 0 }).toEqual({ status: 204 });
});

it('is no failure where the thread stood still at its very end', async () => {
  const question = await backend(TIMEOUT_MS - 50);
  const found = async () => {
    const heard = probe(question);
    await later(TIMEOUT_MS - 90);
    await standStill(200);
    return heard;
  };
  await probe(question);
  await expect.poll(found, { interval: 0 }).toEqual({ status: 204 });
});

it('is one where the backend hangs: in time, and with what the thread stood still when it did', async () => {
  const question = await backend(null);
  const took = async (stillMs: number) => {
    const beganMs = performance.now();
    const heard = probe(question);
    await later(0);
    await standStill(stillMs);
    expect(await heard).toEqual({ nothing: `no answer within ${TIMEOUT_MS} ms` });
    return performance.now() - beganMs;
  };
  await took(0);
  const [quick, slow] = [await took(0), await took(1000)];
  expect(quick).toBeGreaterThanOrEqual(TIMEOUT_MS - 2);
  expect(slow).toBeGreaterThanOrEqual(1000 + TIMEOUT_MS * 0.85);
  // The test itself may stand still, as a thread does on a machine with much else to do.
  await expect.poll(() => took(0), { interval: 0 }).toBeLessThan(TIMEOUT_MS * 5);
  await expect.poll(() => took(1000), { interval: 0 }).toBeLessThan(1000 + TIMEOUT_MS * 5);
});

it.each([
  ['ten', 10, { status: 204 }],
  ['eleven', 11, { nothing: 'expected a status, found more than 10 interim responses' }],
])('waits for the status behind %s interim responses', async (_, count, heard) => {
  const answer = `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(count)}HTTP/1.1 204 No Content\r\n\r\n`;
  expect(await heardOf([answer])).toEqual(heard);
  expect(await heardOf(answer.split(''))).toEqual(heard);
});

it.each([
  ['HTTP/1.0 200 OK\r\n\r\n', { status: 200 }],
  ['HTTP/1.1 200\r\n\r\n', { status: 200 }],
  ['HTTP/2.0 200 OK\r\n\r\n', { nothing: expect.stringContaining('invalid_status') }],
  ['HTTP/0.9 200 OK\r\n\r\n', { nothing: expect.stringContaining('invalid_status') }],
  ['HTTP/1.2 200 OK\r\n\r\n', { nothing: expect.stringContaining('invalid_status') }],
  ['ICY 200 OK\r\n\r\n', { nothing: expect.stringContaining('invalid_status') }],
  [
    'HTTP/1.1 200 OK\r\nContent-Length: 3 \r\n\r\n',
    { nothing: expect.stringContaining('invalid_content_length') },
  ],
  ['HTTP/1.1 200 OK\r\nA : b\r\n\r\n', { nothing: expect.stringContaining('bad_header') }],
  [
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n',
    { nothing: expect.stringContaining('upgrade') },
  ],
  ['HTTP/1.1 200 OK\r\nA: b\r\n', { nothing: expect.stringContaining('the end of the connection') }],
])('takes as an answer what the router takes as one: %j', async (answer, heard) => {
  expect(await heardOf([answer])).toEqual(heard);
  expect(await heardOf(answer.split(''))).toEqual(heard);
});

it('leaves nothing with the signal that could have aborted it, and is over when that comes', async () => {
  const life = new AbortController();
  const { signal } = life;
  const silent = await backend(null);
  const answering = await backend(0);
  const dead = { ...silent, address: { host: '127.0.0.1', port: 1 } };
  await Promise.all([answering, dead, { ...silent, timeoutMs: 20 }].map((each) => probe(each, signal)));
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  const heard = probe({ ...silent, timeoutMs: 60_000 }, signal);
  life.abort();
  expect(await heard).toEqual({ nothing: 'nobody waits for the answer any more' });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

it('says nothing of the backend where no file is left to open, and finds it afterwards', async () => {
  const { address } = await backend(0);
  const program = join(import.meta.dirname, '../support/fixtures/prober-without-files.ts');
  const script = 'ulimit -n 64 && exec "$0" "$@"';
  const args = ['-c', script, process.execPath, program, String(address.port)];
  const { stdout } = await promisify(execFile)('sh', args);
  expect(JSON.parse(stdout)).toEqual([{ unasked: expect.stringContaining('EMFILE') }, { status: 204 }]);
});
