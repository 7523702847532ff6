/** Requests and upgrades that are aborted in every phase: no descriptor is left and memory does not grow. `[count]` */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { countFrom, descriptorsOf, HOST, MIB, memoryOf, mib, onStage, verdict } from './stage.ts';

const AT_ONCE = 50;
// Growth is measured behind a first part, when all that is kept for good has been made.
const WARM_UP = 0.25;
const MOST_GROWTH = 48 * MIB;
const MOST_DESCRIPTORS = 20;
const count = countFrom(1_000_000);

const HEAD = `Host: ${HOST}\r\n`;
const ENDLESS = 'HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nbegun';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbegun';
/** What is sent before the abort, and whether an answer is awaited first. */
const PHASES: readonly (readonly [sent: string, awaits: boolean])[] = [
  [`GET / HTTP/1.1\r\n${HEAD}X-Half:`, false],
  [`GET /silent HTTP/1.1\r\n${HEAD}\r\n`, false],
  [`POST /silent HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\nhalf`, false],
  [`GET /endless HTTP/1.1\r\n${HEAD}\r\n`, true],
  [`GET /switch HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`, true],
  [`POST /silent HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, false],
];

function answer(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    if (text.startsWith('GET /endless')) socket.write(ENDLESS);
    if (text.startsWith('GET /switch')) socket.write(SWITCHED);
  });
}

function abort(port: number, number: number): Promise<void> {
  const [sent, awaits] = PHASES[number % PHASES.length] ?? ['', false];
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(sent, leave));
    const end = (): void => {
      if (number % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    };
    const leave = (): void => {
      if (awaits) socket.once('data', end);
      else setTimeout(end, 1);
    };
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

async function abortMany(port: number, many: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < many) await abort(port, next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  // Longer than a slot is kept after an abort, and for the collector to come round.
  await sleep(2000);
}

const backend = createServer(answer).listen(0, '127.0.0.1');
await once(backend, 'listening');
await onStage((backend.address() as AddressInfo).port, async (router) => {
  await abortMany(router.port, Math.ceil(count * WARM_UP));
  const before = { memory: await memoryOf(router.pid), descriptors: await descriptorsOf(router.pid) };
  const began = performance.now();
  await abortMany(router.port, Math.floor(count * (1 - WARM_UP)));
  const perSecond = (count * (1 - WARM_UP) * 1000) / (performance.now() - began - 2000);
  const growth = (await memoryOf(router.pid)) - before.memory;
  const descriptors = (await descriptorsOf(router.pid)) - before.descriptors;
  verdict(growth < MOST_GROWTH && descriptors < MOST_DESCRIPTORS, {
    aborted: count,
    perSecond: Math.round(perSecond),
    growth: mib(growth),
    memory: mib(before.memory + growth),
    moreDescriptors: descriptors,
    descriptors: before.descriptors + descriptors,
  });
});
backend.close();
