/** 5 000 idle connections and 500 that send a header byte by byte, while others keep their latency. `[idle]` */
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from '../../test/support/raw-client.ts';
import { ok, ScriptedBackend } from '../../test/support/scripted-backend.ts';
import { countFrom, descriptorsOf, HOST, memoryOf, mib, onStage, verdict } from './stage.ts';

const idleCount = countFrom(5000);
const slowCount = Math.ceil(idleCount / 10);
const SAMPLES = 400;
// A header byte each 500 ms from each slow client: 1000 packets a second in all.
const DRIP_MS = 500;
// Twice the former median and a scheduler's turn.
const isKept = (before: number, after: number): boolean => after < 2 * before + 2;

const REQUEST = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

async function open(port: number, count: number, first: string): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const batch = Array.from({ length: Math.min(100, count - clients.length) }, () =>
      RawClient.connect(port),
    );
    for (const client of await Promise.all(batch)) clients.push(client.send(first));
  }
  return clients;
}

async function latency(port: number): Promise<{ median: number; p99: number }> {
  const client = await RawClient.connect(port);
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const start = performance.now();
    if ((await client.request(REQUEST)).status !== 200) throw new Error('expected 200 from a normal request');
    times.push(performance.now() - start);
  }
  client.close();
  times.sort((a, b) => a - b);
  return { median: times[SAMPLES >> 1] ?? 0, p99: times[Math.floor(SAMPLES * 0.99)] ?? 0 };
}

const backend = await ScriptedBackend.listen(() => ok());
await onStage(backend.port, async (router) => {
  await latency(router.port);
  const before = await latency(router.port);
  const memoryBefore = await memoryOf(router.pid);
  const idle = await open(router.port, idleCount, '');
  const slow = await open(router.port, slowCount, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Slow: `);
  const drip = setInterval(() => {
    for (const client of slow) client.send('x');
  }, DRIP_MS);
  await sleep(2 * DRIP_MS);
  const after = await latency(router.port);
  const memory = (await memoryOf(router.pid)) - memoryBefore;
  const descriptors = await descriptorsOf(router.pid);
  clearInterval(drip);
  const lost = [...idle, ...slow].filter((client) => client.over).length;
  for (const client of [...idle, ...slow]) client.close();
  verdict(isKept(before.median, after.median) && lost === 0 && descriptors > idleCount, {
    idle: idleCount,
    slow: slowCount,
    lost,
    descriptors,
    medianBeforeMs: before.median.toFixed(2),
    medianAfterMs: after.median.toFixed(2),
    p99BeforeMs: before.p99.toFixed(2),
    p99AfterMs: after.p99.toFixed(2),
    memoryPerConnection: `${(memory / (idleCount + slowCount) / 1024).toFixed(1)} KiB`,
    memory: mib(memoryBefore + memory),
  });
});
await backend.close();
