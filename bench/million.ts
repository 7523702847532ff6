/**
 * `node bench/million.ts [DOMAINS] [POOLS] [WORKERS]`: a million domains on 100 000 pools on one node. How fast they are imported,
 * what a change takes meanwhile, how soon a router that has them is ready, in how much memory, what a request costs beside a
 * router that has ten, and what one change among them takes under load. Minutes, and a few gigabytes of disk.
 */

import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { AdminClient } from '../test/support/admin-client.ts';
import { Backend } from '../test/support/backend.ts';
import { type RouterProcess, runCommand, startRouter } from '../test/support/router-process.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { cpuBetween, cpuTimeOf } from './accounting.ts';
import { latencies, record, wholeArgument } from './figures.ts';
import { median } from './statistics.ts';

const domains = wholeArgument(0, 1_000_000);
const pools = wholeArgument(1, Math.max(1, Math.floor(domains / 10)));
const workers = wholeArgument(2, 2);

const STARTS = 3;
const ROUNDS = 5;
const REQUESTS = 4000;
const AT_ONCE = 16;
const CHANGES = 500;
// Of a million as of ten: what differs is how many there are, not how many are used.
const HOSTS = 10;

await using directory = await tempDirectory();
await using backend = await Backend.start({ name: 'one' });
for (const size of ['few', 'many']) await mkdir(join(directory.path, size));
const file = await linesIn(directory.path);
const few = await startRouter({ directory: join(directory.path, 'few'), args: argumentsOf() });
await imported(few, await linesIn(directory.path, HOSTS, HOSTS));

const imports = await importing();
const starts = await starting();
await using many = await startMany();
const memory = residentMb(many.pid);
const costs = await costing(many);
const idle = await changing(many, CHANGES);
const loaded = await underLoad(many, () => changing(many, CHANGES));

await record('million', {
  domains,
  pools,
  workers,
  ...imports,
  ...starts,
  'resident MB, all threads, when ready': memory,
  'resident MB, after the load': residentMb(many.pid),
  ...costs,
  ...latencies('a change to routed, no load', idle),
  ...latencies('a change to routed, under load', loaded.result),
  'failed requests under load': loaded.failed,
});
await few.stop();

function argumentsOf(): string[] {
  return ['--workers', String(workers)];
}

function startMany(): Promise<RouterProcess> {
  return startRouter({
    directory: join(directory.path, 'many'),
    args: argumentsOf(),
    readyWithinMs: 120_000,
  });
}

function hostOf(index: number): string {
  return `shop-${index}.example.com`;
}

async function linesIn(where: string, domainCount = domains, poolCount = pools): Promise<string> {
  const path = join(where, `${domainCount}.ndjson`);
  const out = createWriteStream(path);
  const address = JSON.stringify(backend.address);
  let text = '';
  const flush = async (most: number) => {
    if (text.length <= most) return;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  };
  for (let index = 0; index < poolCount; index++) {
    text += `{"pool":"pool-${index}","backends":{"b.1":{"address":${address}}}}\n`;
    await flush(1e6);
  }
  for (let index = 0; index < domainCount; index++) {
    text += `{"domain":"${hostOf(index)}","pool":"pool-${index % poolCount}"}\n`;
    await flush(1e6);
  }
  await flush(0);
  out.end();
  await once(out, 'finish');
  return path;
}

async function imported(router: RouterProcess, path: string): Promise<void> {
  const ran = await runCommand(['import', path, '--admin', router.admin], 1_800_000);
  if (ran.code !== 0) throw new Error(`expected an import that succeeds, found ${ran.output}`);
}

async function importing(): Promise<Record<string, number>> {
  await using router = await startMany();
  await using admin = new AdminClient(router.admin);
  await admin.must('PUT', '/v1/pools/pool-0', { backends: { 'b.1': { address: backend.address } } });
  const changes: number[] = [];
  const before = cpuTimeOf(router.pid);
  const began = performance.now();
  let over = false;
  const done = imported(router, file).finally(() => {
    over = true;
  });
  while (!over) {
    changes.push(...(await changing(router, 10)));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await done;
  const seconds = (performance.now() - began) / 1000;
  const cpu = cpuBetween(before, cpuTimeOf(router.pid)).ns / 1e9;
  await router.stop();
  return {
    'imported, lines/s': Math.round((domains + pools) / seconds),
    'CPU of the router, µs a line': Number(((cpu * 1e6) / (domains + pools)).toFixed(1)),
    ...(latencies('a change to routed, importing', changes) as Record<string, number>),
  };
}

async function starting(): Promise<Record<string, number>> {
  const ms: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    await using router = await startMany();
    ms.push(router.startedInMs);
    await routed(router.port, hostOf(domains - 1 - start));
    await router.stop();
  }
  return { 'ready, median ms': Math.round(median(ms)), 'ready, worst ms': Math.round(Math.max(...ms)) };
}

/** Resident set of the process with all its threads, as the system counts it. */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
}

async function costing(router: RouterProcess): Promise<Record<string, number>> {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ten = await cpuPerRequest(few);
    ratios.push((await cpuPerRequest(router)) / ten);
  }
  return { [`CPU a request, beside ${HOSTS} domains`]: Number(median(ratios).toFixed(3)) };
}

async function cpuPerRequest({ pid, port }: RouterProcess): Promise<number> {
  const hosts = Array.from({ length: HOSTS }, (_, index) => hostOf(index));
  await requests(port, hosts, 500);
  const before = cpuTimeOf(pid);
  const failed = await requests(port, hosts, REQUESTS);
  if (failed > 0) throw new Error(`expected requests that succeed, found ${failed} that did not`);
  return cpuBetween(before, cpuTimeOf(pid)).ns / REQUESTS;
}

async function requests(port: number, hosts: readonly string[], count: number): Promise<number> {
  const agent = new Agent({ connections: AT_ONCE });
  let failed = 0;
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const host = hosts[next++ % hosts.length] ?? '';
      if ((await statusOf(agent, port, host)) !== 200) failed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await agent.destroy();
  return failed;
}

async function statusOf(agent: Agent, port: number, host: string): Promise<number> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/`, {
    dispatcher: agent,
    headers: { host },
  }).catch(() => ({ statusCode: 0, body: undefined }));
  await body?.dump();
  return statusCode;
}

async function routed(port: number, host: string): Promise<void> {
  const agent = new Agent();
  const status = await statusOf(agent, port, host);
  await agent.destroy();
  if (status !== 200) throw new Error(`${host}: expected 200, found ${status}`);
}

/** From sending the command to the head of the response to the first request it routes, each in milliseconds. */
async function changing({ port, admin: address }: RouterProcess, count: number): Promise<number[]> {
  await using admin = new AdminClient(address);
  const agent = new Agent();
  const ms: number[] = [];
  for (let change = 0; change < count; change++) {
    const host = `changed-${change % 100}.example.net`;
    const began = performance.now();
    const isPut = (change / 100) % 2 < 1;
    if (isPut) await admin.must('PUT', `/v1/domains/${host}`, { pool: 'pool-0' });
    else await admin.must('DELETE', `/v1/domains/${host}`);
    const status = await statusOf(agent, port, host);
    ms.push(performance.now() - began);
    if (status !== (isPut ? 200 : 404))
      throw new Error(`${host}: expected the change in force, found ${status}`);
  }
  for (let left = 0; left < Math.min(100, count % 200); left++) {
    await admin.must('DELETE', `/v1/domains/changed-${left}.example.net`);
  }
  await agent.destroy();
  return ms;
}

async function underLoad<T>(
  { port }: RouterProcess,
  work: () => Promise<T>,
): Promise<{ result: T; failed: number }> {
  let over = false;
  let failed = 0;
  const hosts = Array.from({ length: 200 }, (_, index) => hostOf(Math.floor((index * domains) / 200)));
  const load = (async () => {
    while (!over) {
      failed += await requests(port, hosts, 400);
      // As much rest as work: half of what there could be.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const result = await work();
  over = true;
  await load;
  return { result, failed };
}
