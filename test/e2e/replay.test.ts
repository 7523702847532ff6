/** The log is the state: whatever was acknowledged is there after a kill -9, and nothing was half done. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { AdminClient, type Method, type Reply } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { Chance } from '../support/chance.ts';
import { eventually, pause } from '../support/eventually.ts';
import { eventsOf, foldNaively, stateOf } from '../support/history.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const LANES = 6;
const POOLS = ['alpha', 'beta', 'gamma'];
// Each kill is a start, and a start on a busy machine takes seconds.
const TIMEOUT_MS = 180_000;
// Carried out before each kill.
const ENOUGH = 10;
const KILLS = Number(process.env['E2E_KILLS'] ?? 6);

type Wish = { readonly method: Method; readonly path: string; readonly body: object | undefined };
type Asked = Wish & { readonly key: string; readonly reply: Reply | undefined };

/** Names come from small sets, so that commands meet; but nobody else ever puts the pool called `fresh`. */
function randomWish(chance: Chance, addresses: readonly string[], fresh: string): Wish {
  const pool = `/v1/pools/${chance.pick([...POOLS, 'delta', 'epsilon'])}`;
  const host = `/v1/domains/d${chance.below(30)}.example`;
  const address = chance.pick(addresses);
  const backends = { one: { address }, two: { address, weight: 1 + chance.below(9) }, three: { address } };
  const wishes: Wish[] = [
    { method: 'PUT', path: host, body: { pool: chance.pick(POOLS) } },
    { method: 'PUT', path: host, body: { pool: chance.pick(POOLS) } },
    { method: 'DELETE', path: host, body: undefined },
    { method: 'PUT', path: pool, body: { maxConcurrency: 1 + chance.below(50) } },
    // Four events at least, of one wish: all or none of them.
    { method: 'PUT', path: `/v1/pools/${fresh}`, body: { backends } },
    { method: 'DELETE', path: pool, body: undefined },
    {
      method: 'PUT',
      path: `${pool}/backends/b${chance.below(5)}`,
      body: { address, weight: 1 + chance.below(9) },
    },
    { method: 'DELETE', path: `${pool}/backends/b${chance.below(5)}`, body: undefined },
  ];
  return chance.pick(wishes);
}

const isDone = ({ reply }: Asked) => reply !== undefined && reply.status < 300;

/** Commands from several sides at once until the router is gone; each with what was answered, if anything. */
async function commandUntilDead(
  router: RouterProcess,
  chance: Chance,
  addresses: readonly string[],
  round: number,
) {
  const asked: Asked[] = [];
  let alive = true;
  void router.ended.then(() => {
    alive = false;
  });
  await using admin = new AdminClient(router.admin);
  const lane = async (name: number) => {
    for (let count = 0; alive; count++) {
      const key = `${round}-${name}-${count}`;
      const wish = randomWish(chance, addresses, `fresh-${key}`);
      const reply = await admin.send(wish.method, wish.path, wish.body, { key }).catch(() => undefined);
      asked.push({ ...wish, key, reply });
      if (reply === undefined) return;
    }
  };
  const lanes = Promise.all(Array.from({ length: LANES }, (_, name) => lane(name)));
  await pause(20 + chance.below(600));
  await eventually(() => asked.filter(isDone).length > ENOUGH, 'commands carried out', 30_000);
  await router.kill();
  await lanes;
  return asked;
}

describe('kill -9 in the middle of commands', () => {
  it('loses nothing acknowledged, keeps nothing half, and answers a repeated command as before', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const chance = new Chance();
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    const addresses = [web.address, '127.0.0.1:1', '127.0.0.1:2'];
    const options = { directory: directory.path };
    let router = await startRouter({
      ...options,
      config: { pools: Object.fromEntries(POOLS.map((pool) => [pool, {}])), domains: {} },
    });
    const all: Asked[] = [];
    for (let round = 0; round < KILLS; round++) {
      const asked = await commandUntilDead(router, chance, addresses, round);
      all.push(...asked);
      router = await startRouter(options);
      await checkAfterRestart(router, asked, `seed ${chance.seed}, kill ${round}`);
    }
    expect(all.some(({ reply }) => reply === undefined)).toBe(true);
    await router.kill();
  });
});

async function checkAfterRestart(
  router: RouterProcess,
  asked: readonly Asked[],
  where: string,
): Promise<void> {
  await using admin = new AdminClient(router.admin);
  const events = await eventsOf(admin);
  expect(
    events.map(({ position }) => position),
    where,
  ).toEqual(events.map((_, index) => index + 1));
  expect(await stateOf(admin), where).toEqual(foldNaively(events));
  expect((await admin.post('/v1/verify')).body, where).toMatchObject({ ok: true });
  for (const each of asked) await checkCommand(admin, each, countOf(events, each.key), where);
}

async function checkCommand(admin: AdminClient, each: Asked, events: number, where: string): Promise<void> {
  const { key, method, path, body, reply } = each;
  const what = `${where}: ${key} ${method} ${path}`;
  const fresh = path.includes('/fresh-') && method === 'PUT';
  if (fresh) expect([0, 4], what).toContain(events);
  if (reply !== undefined && reply.status >= 500) throw new Error(`${what}: ${JSON.stringify(reply.body)}`);
  if (reply !== undefined && reply.status >= 300) expect(events, what).toBe(0);
  const again = await admin.send(method, path, body, { key });
  if (reply === undefined) return expect(again.status, what).toBeLessThan(500);
  if (reply.status >= 300) return;
  expect({ status: again.status, body: again.body, version: again.version }, what).toEqual({
    status: reply.status,
    body: reply.body,
    version: reply.version,
  });
}

function countOf(events: Awaited<ReturnType<typeof eventsOf>>, key: string): number {
  return events.filter(({ metadata }) => metadata.commandId === key).length;
}

describe('a change of many owners', () => {
  it('is there wholly or not at all after a kill -9 in its middle', { timeout: TIMEOUT_MS }, async () => {
    const chance = new Chance();
    await using directory = await tempDirectory();
    const hosts = Array.from({ length: 200 }, (_, index) => `h${index}.example`);
    const generation = (number: number) => ({
      pools: { [`pool-${number}`]: { backends: { one: { address: '127.0.0.1:1' } } } },
      domains: Object.fromEntries(hosts.map((host) => [host, { pool: `pool-${number}` }])),
    });
    const options = { directory: directory.path };
    let router = await startRouter({ ...options, config: generation(0) });
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await using admin = new AdminClient(router.admin);
      const applying = (async () => {
        for (let next = acknowledged + 1; ; next++) {
          const reply = await admin.send('POST', '/v1/apply', generation(next)).catch(() => undefined);
          if (reply === undefined) return;
          expect(reply).toMatchObject({ status: 200 });
          acknowledged = next;
        }
      })();
      await pause(30 + chance.below(300));
      await router.kill();
      await applying;
      router = await startRouter(options);
      await using after = new AdminClient(router.admin);
      const { pools, domains } = await stateOf(after);
      const found = Number(Object.keys(pools)[0]?.slice('pool-'.length));
      expect([acknowledged, acknowledged + 1], `seed ${chance.seed}`).toContain(found);
      expect({ pools: Object.keys(pools), domains }, `seed ${chance.seed}`).toMatchObject({
        pools: [`pool-${found}`],
        domains: generation(found).domains,
      });
      acknowledged = found;
    }
    await router.kill();
  });
});

describe('the caches', () => {
  it('may be deleted: snapshots and current rows come back the same from the events', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    const router = await startRouter({ directory: directory.path });
    const admin = new AdminClient(router.admin);
    await admin.must('PUT', '/v1/pools/web', { backends: { 'web.1': { address: web.address } } });
    await admin.must('PUT', '/v1/domains/example.com', { pool: 'web' });
    // Past a snapshot.
    for (let weight = 1; weight <= 250; weight++) {
      await admin.must('PUT', '/v1/pools/web/backends/web.1', { address: web.address, weight });
    }
    await admin.must('DELETE', '/v1/domains/example.com');
    await admin.must('PUT', '/v1/domains/example.com', { pool: 'web' });
    const before = await stateOf(admin);
    await admin[Symbol.asyncDispose]();
    await router.stop();

    const db = new Database(join(directory.path, 'data', 'events.db'));
    expect(db.prepare('DELETE FROM snapshots').run().changes).toBeGreaterThan(0);
    expect(db.prepare('DELETE FROM currents').run().changes).toBe(2);
    db.close();

    await using again = await startRouter({ directory: directory.path });
    await using after = new AdminClient(again.admin);
    expect(await stateOf(after)).toEqual(before);
    expect((await after.post('/v1/verify')).body).toMatchObject({ ok: true });
    expect(await ask(again.port, 'example.com')).toMatchObject({ status: 200, backend: 'web' });
    expect((await after.get('/v1/pools/web/backends/web.1')).body).toMatchObject({ weight: 250 });
    expect((await after.put('/v1/domains/example.com', { pool: 'web' })).body).toMatchObject({
      changed: 0,
    });
  });
});
