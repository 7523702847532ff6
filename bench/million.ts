/**
 * `node bench/million.ts [DOMAINS] [POOLS] [WORKERS] [CHANGES]`: a million domains on 100 000 pools on one node. How fast they are
 * imported, what a change takes meanwhile, how soon a router that has them is ready, in how much memory, what a request costs beside
 * a router that has ten, what one change among them takes under load, and what a million changes leave behind. Half an
 * hour, most of it the changes, and a few gigabytes of disk. The figures go to bench/results/million.md.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AdminClient } from '../test/support/admin-client.ts';
import { Backend } from '../test/support/backend.ts';
import { type RouterProcess, runCommand, startRouter } from '../test/support/router-process.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { cpuBetween, cpuTimeOf } from './accounting.ts';
import { wholeArgument } from './figures.ts';
import { changing, churn, residentMb } from './million/changes.ts';
import { hostOf, writeLines } from './million/lines.ts';
import { type Row, report } from './million/report.ts';
import { atHalfLoad, requests } from './million/requests.ts';
import { median, percentile } from './statistics.ts';

const domains = wholeArgument(0, 1_000_000);
const pools = wholeArgument(1, Math.max(1, Math.floor(domains / 10)));
const workers = wholeArgument(2, 2);
const changes = wholeArgument(3, 1_000_000);

const STARTS = 3;
const ROUNDS = 5;
const REQUESTS = 4000;
const SINGLE_CHANGES = 500;
// Of a million as of ten: what differs is how many there are, not how many are used.
const HOSTS = 10;
const USED = 20_000;
// What was used goes to sleep after a minute, and garbage is collected some time after that.
const REST_MS = 120_000;
const IMPORT_MS = 3_600_000;
const began = performance.now();

await using directory = await tempDirectory();
await using backend = await Backend.start({ name: 'one' });
const file = join(directory.path, 'many.ndjson');
const fewFile = join(directory.path, 'few.ndjson');
for (const size of ['few', 'many']) await mkdir(join(directory.path, size));
await writeLines(file, { domains, pools }, backend.address);
await writeLines(fewFile, { domains: HOSTS, pools: HOSTS }, backend.address);
await using few = await startIn('few');
await imported(few, fewFile);

const rows: Row[] = [];
rows.push(...(await importing()), ...(await starting()));
await using many = await startIn('many');
rows.push({
  what: 'resident memory when ready',
  found: residentMb(many.pid),
  unit: 'MB',
  bar: { atMost: 250 },
});
rows.push(...(await costing(many)), ...(await loaded(many)), ...(await used(many)), ...(await churned(many)));
await report(`${domains} domains on ${pools} pools, ${workers} workers`, rows, [
  'A change: from sending the command to the head of the response to the first request that it routes. Lines: pools',
  'included. CPU a line is that of all threads of the router. The load, the changes and the backend share the cores with the router.',
]);

function tell(what: string): void {
  process.stderr.write(`${Math.round((performance.now() - began) / 1000)} s: ${what}\n`);
}

function startIn(name: 'few' | 'many'): Promise<RouterProcess> {
  const args = ['--workers', String(workers)];
  return startRouter({ directory: join(directory.path, name), args, readyWithinMs: 120_000 });
}

async function imported(router: RouterProcess, path: string): Promise<void> {
  const ran = await runCommand(['import', path, '--admin', router.admin], IMPORT_MS);
  if (ran.code !== 0) throw new Error(`expected an import that succeeds, found ${ran.output}`);
}

async function importing(): Promise<Row[]> {
  tell(`importing ${domains + pools} lines`);
  await using router = await startIn('many');
  await using admin = new AdminClient(router.admin);
  await admin.must('PUT', '/v1/pools/pool-0', { backends: { 'b.1': { address: backend.address } } });
  const before = cpuTimeOf(router.pid);
  const from = performance.now();
  let over = false;
  const done = imported(router, file).finally(() => {
    over = true;
  });
  const ms: number[] = [];
  while (!over) {
    ms.push(...(await changing(router, 10)));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await done;
  const seconds = (performance.now() - from) / 1000;
  const cpuNs = cpuBetween(before, cpuTimeOf(router.pid)).ns;
  const memory = residentMb(router.pid);
  await router.stop();
  const lines = domains + pools;
  return [
    { what: 'bulk import', found: lines / seconds, unit: 'lines/s', bar: { atLeast: 50_000 } },
    { what: 'CPU of a line', found: cpuNs / 1000 / lines, unit: 'µs' },
    { what: 'resident memory after the import', found: memory, unit: 'MB' },
    ...latency('one change during the import', ms, 20),
  ];
}

async function starting(): Promise<Row[]> {
  const ms: number[] = [];
  const stops: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    tell(`start ${start + 1} of ${STARTS}`);
    await using router = await startIn('many');
    ms.push(router.startedInMs);
    if ((await requests(router.port, [hostOf(domains - 1 - start)], 1)) > 0)
      throw new Error('expected the last domains to be routed');
    const from = performance.now();
    await router.stop();
    stops.push(performance.now() - from);
  }
  return [
    { what: `ready after start, median of ${STARTS}`, found: median(ms), unit: 'ms', bar: { atMost: 3000 } },
    { what: 'ended after SIGTERM, median', found: median(stops), unit: 'ms' },
  ];
}

async function costing(router: RouterProcess): Promise<Row[]> {
  tell('what a request costs');
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++)
    ratios.push((await cpuPerRequest(router)) / (await cpuPerRequest(few)));
  return [
    {
      what: `CPU of a request, beside ${HOSTS} domains`,
      found: median(ratios),
      unit: '×',
      bar: { atMost: 1.05 },
    },
  ];
}

async function cpuPerRequest({ pid, port }: RouterProcess): Promise<number> {
  const hosts = Array.from({ length: HOSTS }, (_, index) => hostOf(index));
  await requests(port, hosts, REQUESTS / 8);
  const before = cpuTimeOf(pid);
  const failed = await requests(port, hosts, REQUESTS);
  if (failed > 0) throw new Error(`expected requests that succeed, found ${failed} that did not`);
  return cpuBetween(before, cpuTimeOf(pid)).ns / REQUESTS;
}

async function loaded(router: RouterProcess): Promise<Row[]> {
  tell(`${SINGLE_CHANGES} changes at half load`);
  const hosts = Array.from({ length: 200 }, (_, index) => hostOf(Math.floor((index * domains) / 200)));
  const { result, failed } = await atHalfLoad(router.port, hosts, () => changing(router, SINGLE_CHANGES));
  return [
    ...latency('one change at half load', result, 5),
    { what: 'failed requests meanwhile', found: failed, unit: '', bar: { atMost: 0 } },
  ];
}

/** Each of many domains once: it and its pool wake. */
async function used(router: RouterProcess): Promise<Row[]> {
  const count = Math.min(USED, domains);
  tell(`requests to ${count} domains`);
  const hosts = Array.from({ length: count }, (_, index) => hostOf(Math.floor((index * domains) / count)));
  const failed = await requests(router.port, hosts, count);
  if (failed > 0) throw new Error(`expected requests that succeed, found ${failed} that did not`);
  const at = residentMb(router.pid);
  tell(`${REST_MS / 1000} s of rest`);
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  return [
    { what: `resident memory after requests to ${count} domains`, found: at, unit: 'MB' },
    {
      what: `… and ${REST_MS / 1000} s later`,
      found: residentMb(router.pid),
      unit: 'MB',
      bar: { atMost: 250 },
    },
  ];
}

async function churned(router: RouterProcess): Promise<Row[]> {
  tell(`${changes} changes in a row`);
  const found = await churn(router, changes, (done) => tell(`${done} changes`));
  return [
    { what: 'changes in a row', found: found.changes, unit: '' },
    { what: '… a second, each durable and in force', found: found.perSecond, unit: '' },
    { what: '… memory when a tenth was done', found: found.firstMb, unit: 'MB' },
    { what: '… memory at the end', found: found.lastMb, unit: 'MB' },
    {
      what: '… the most in between, beside the tenth',
      found: found.mostMb / found.firstMb,
      unit: '×',
      bar: { atMost: 1.05 },
    },
  ];
}

function latency(what: string, ms: readonly number[], atMost: number): Row[] {
  return [
    { what: `${what}, p50`, found: percentile(ms, 50), unit: 'ms' },
    { what: `${what}, p99`, found: percentile(ms, 99), unit: 'ms', bar: { atMost } },
  ];
}
