/**
 * `node bench/changes.ts [CHANGES]`: from sending a command to having the answer to the first request that it
 * routes, durable in between. Alone, and while the router serves a steady load.
 */
import { Agent, request } from 'undici';
import { AdminClient } from '../test/support/admin-client.ts';
import { Backend } from '../test/support/backend.ts';
import { type Load, startLoad, summary } from '../test/support/load.ts';
import { startRouter } from '../test/support/router-process.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { type Figures, latencies, record, wholeArgument } from './figures.ts';

const changes = wholeArgument(0, 2000);
const LOAD_PER_SECOND = 2000;

await using directory = await tempDirectory();
await using one = await Backend.start({ name: 'one' });
await using two = await Backend.start({ name: 'two' });
await using router = await startRouter({
  directory: directory.path,
  config: {
    accessLog: false,
    pools: {
      one: { backends: { 'one.1': { address: one.address } } },
      two: { backends: { 'two.1': { address: two.address } } },
    },
    domains: { 'steady.example': { pool: 'one' } },
  },
});
await using admin = new AdminClient(router.admin);
const client = new Agent({ keepAliveTimeout: 60_000 });

const alone = await measure('alone');
await using load = startLoad({
  port: router.port,
  connections: 8,
  hosts: ['steady.example'],
  perSecond: LOAD_PER_SECOND,
});
const loaded = await measure('under load');
await record('changes', {
  changes,
  'load requests/s': LOAD_PER_SECOND,
  ...alone,
  ...loaded,
  ...(await ended(load)),
});
await client.destroy();

async function measure(what: string): Promise<Figures> {
  const answered: number[] = [];
  const routed: number[] = [];
  for (let change = 0; change < changes; change++) {
    // Each of a hundred hosts goes to and fro, so that a change not yet in force is a wrong answer.
    const pool = Math.floor(change / 100) % 2 === 0 ? 'one' : 'two';
    const began = performance.now();
    await admin.must('PUT', `/v1/domains/${change % 100}.example`, { pool });
    answered.push(performance.now() - began);
    await expectRouted(`${change % 100}.example`, pool);
    routed.push(performance.now() - began);
  }
  return { ...latencies(`${what}: command`, answered), ...latencies(`${what}: command to routed`, routed) };
}

async function expectRouted(host: string, pool: string): Promise<void> {
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${router.port}/`, {
    headers: { host },
    dispatcher: client,
  });
  await body.dump();
  const found = headers['x-backend'];
  if (statusCode !== 200 || found !== pool) {
    throw new Error(`${host}: expected 200 from ${pool} after the reply, found ${statusCode} from ${found}`);
  }
}

async function ended(running: Load): Promise<Figures> {
  const figures = await running.stop();
  if (figures.failures.length > 0) process.stdout.write(`${summary(figures)}\n`);
  return { 'load completed': figures.completed, 'load failed': figures.failures.length };
}
