/** `node bench/startup.ts [DOMAINS]`: from the command to the ready line, with so many domains in the log. */
import { request } from 'undici';
import { AdminClient } from '../test/support/admin-client.ts';
import { Backend } from '../test/support/backend.ts';
import { type RouterProcess, startRouter } from '../test/support/router-process.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { privateBytesOf } from './accounting.ts';
import { record, wholeArgument } from './figures.ts';
import { median } from './statistics.ts';

const domains = wholeArgument(0, 10_000);
const STARTS = 5;
// One apply holds at most 10 000 changes.
const PER_APPLY = 5000;
const DOMAINS_PER_POOL = 10;

await using directory = await tempDirectory();
await using backend = await Backend.start({ name: 'one' });

const empty = await startRouter({ directory: directory.path });
const emptyMs = empty.startedInMs;
const fillMs = await fill(empty);
await empty.stop();

const startMs: number[] = [];
let megabytes = 0;
for (let start = 0; start < STARTS; start++) {
  await using router = await startRouter({ directory: directory.path, readyWithinMs: 60_000 });
  startMs.push(router.startedInMs);
  megabytes = privateBytesOf(router.pid) / 2 ** 20;
  await expectRouted(router);
  await router.stop();
}

await record('startup', {
  domains,
  'empty log ms': Math.round(emptyMs),
  'ready, median ms': Math.round(median(startMs)),
  'ready, worst ms': Math.round(Math.max(...startMs)),
  'private memory when ready MiB': Math.round(megabytes),
  'filled by apply, domains/s': Math.round((domains / fillMs) * 1000),
});

async function fill(router: RouterProcess): Promise<number> {
  await using admin = new AdminClient(router.admin);
  const began = performance.now();
  for (let upTo = PER_APPLY; upTo < domains + PER_APPLY; upTo += PER_APPLY) {
    await admin.must('POST', '/v1/apply', routingOf(Math.min(upTo, domains)));
  }
  return performance.now() - began;
}

function routingOf(count: number): object {
  const pools: Record<string, object> = {};
  const hosts: Record<string, object> = {};
  for (let index = 0; index < count; index++) {
    const pool = `pool-${Math.floor(index / DOMAINS_PER_POOL)}`;
    pools[pool] ??= { backends: { one: { address: backend.address } } };
    hosts[`d${index}.example`] = { pool };
  }
  return { pools, domains: hosts };
}

async function expectRouted({ port }: RouterProcess): Promise<void> {
  const host = `d${domains - 1}.example`;
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}/`, { headers: { host } });
  await body.dump();
  if (headers['x-backend'] === 'one') return;
  throw new Error(`${host}: expected an answer of backend one, found ${statusCode}`);
}
