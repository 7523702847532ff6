/**
 * Changes of the routing table: how long one takes from the command to the first request that it routes, durable in
 * between, and how many there can be in a second; alone, and while the router serves a load.
 */
import { Agent, request } from 'undici';
import { AdminClient } from '../test/support/admin-client.ts';
import type { Load } from './load.ts';
import type { Drive } from './measure.ts';
import type { RunningPeer } from './peers/peer.ts';
import { percentile } from './statistics.ts';

export type Figures = Readonly<Record<string, number>>;

// 100: each goes to and fro between two pools, so that a change not yet in force is a wrong answer.
const HOSTS = 100;
const AT_ONCE = 16;
// 0.5 s: the load stands before the first change, and after the last.
const MARGIN_SECONDS = 1;

export async function measureChanges(router: RunningPeer, drive: Drive, seconds: number): Promise<Figures> {
  if (router.admin === undefined) throw new Error('expected a peer with an admin API');
  await using admin = new AdminClient(router.admin);
  const client = new Agent({ keepAliveTimeout: 60_000 });
  await admin.must('PUT', '/v1/pools/closed', { backends: {} });
  try {
    const alone = await figures(
      'alone',
      () => oneByOne(admin, client, router.port, seconds),
      () => manyAtOnce(admin, seconds),
    );
    const driven = drive(2 * seconds + MARGIN_SECONDS);
    const loaded = await figures(
      'under load',
      () => oneByOne(admin, client, router.port, seconds),
      () => manyAtOnce(admin, seconds),
    );
    return { ...alone, ...loaded, ...loadFigures(await driven) };
  } finally {
    await client.destroy();
  }
}

async function figures(
  when: string,
  oneAfterOther: () => Promise<readonly number[]>,
  together: () => Promise<number>,
): Promise<Figures> {
  const ms = await oneAfterOther();
  return {
    [`${when}: command to routed, p50 ms`]: percentile(ms, 50),
    [`${when}: command to routed, p99 ms`]: percentile(ms, 99),
    [`${when}: changes a second, one after another`]: (ms.length * 1000) / ms.reduce((a, b) => a + b, 0),
    [`${when}: changes a second, ${AT_ONCE} at once`]: await together(),
  };
}

function loadFigures(load: Load): Figures {
  return {
    'load: requests a second': load.perSecond,
    'load: p99 ms': load.p99Us / 1000,
    'load: failed requests': load.errors,
  };
}

async function oneByOne(
  admin: AdminClient,
  client: Agent,
  port: number,
  seconds: number,
): Promise<readonly number[]> {
  const routed: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let change = 0; performance.now() < end; change++) {
    const host = `${change % HOSTS}.change.example`;
    const isOpen = Math.floor(change / HOSTS) % 2 === 0;
    const began = performance.now();
    await admin.must('PUT', `/v1/domains/${host}`, { pool: isOpen ? 'bench' : 'closed' });
    await expectStatus(client, port, host, isOpen ? 200 : 503);
    routed.push(performance.now() - began);
  }
  return routed;
}

async function expectStatus(client: Agent, port: number, host: string, expected: number): Promise<void> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/128`, {
    headers: { host },
    dispatcher: client,
  });
  await body.dump();
  if (statusCode !== expected)
    throw new Error(`${host}: expected ${expected} after the change was acknowledged, found ${statusCode}`);
}

async function manyAtOnce(admin: AdminClient, seconds: number): Promise<number> {
  const began = performance.now();
  const end = began + seconds * 1000;
  let changes = 0;
  const change = async (worker: number): Promise<void> => {
    for (let i = 0; performance.now() < end; i++, changes++) {
      const pool = Math.floor(i / HOSTS) % 2 === 0 ? 'bench' : 'closed';
      await admin.must('PUT', `/v1/domains/${worker}-${i % HOSTS}.change.example`, { pool });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => change(worker)));
  return (changes * 1000) / (performance.now() - began);
}
