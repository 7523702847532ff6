/** What a worker has open to backends, while their pools and limits come and go. */
import { describe, expect, it } from 'vitest';
import { keyOf, type PoolDefinition, type RowDefinition } from '../../../actors/index.ts';
import { ASKS_MOST } from '../../../actors/pool/ledger/memory/layout.ts';
import { eventually } from '../../support/eventually.ts';
import type { PlaneUnderTest } from '../../support/plane-under-test.ts';
import { backendThat, GET, routed, routerOver } from '../../support/routed.ts';
import { ok } from '../../support/scripted-backend.ts';

const DEFINITION: PoolDefinition = { policy: 'least-request', maxWaiting: 10, whenEmpty: 'refuse', seed: 1 };
const ONE_AT_ONCE: RowDefinition = {
  backendKey: keyOf('web.1'),
  limit: 1,
  weight: 1,
  state: 'up',
  quarantineUntilMs: 0,
};
const CHANGE = { position: 9, nowMs: 1 };

/** The domain goes to a pool of another name, which gets the memory that the former had. */
async function replacePool(router: PlaneUnderTest, name: string): Promise<void> {
  await router.ledger.drop(router.pool.key, CHANGE);
  const pool = { ...router.pool, name, key: keyOf(name) };
  await router.ledger.define(pool.key, DEFINITION, [ONE_AT_ONCE], 'widen', CHANGE);
  const domain = router.domains.get('app.test');
  if (domain !== undefined) router.domains.set('app.test', { ...domain, pool });
}

describe('a backend with a limit', () => {
  it('is connected to where its pool has the memory of one that was just removed', async () => {
    const { router, backend } = await routed(() => ok('', 'Connection: close'), {}, 1);
    const client = await router.connect();
    expect((await client.request(GET)).status).toBe(200);
    await eventually(() => router.isQuiet, 'the lease to be back');
    await replacePool(router, 'other');
    for (let i = 0; i < 2; i++) expect((await client.request(GET)).status).toBe(200);
    await eventually(() => backend.open === 0, 'none open');
  });
});

describe('connections from before their backends had a limit', () => {
  it('are closed when many get one in the same moment', async () => {
    const backend = await backendThat(() => ok());
    const ids = Array.from({ length: 2 * ASKS_MOST }, (_, i) => `web.${i}`);
    const under = (limit: object) =>
      Object.fromEntries(ids.map((id) => [id, { port: backend.port, ...limit }]));
    const router = await routerOver({ backends: under({}), pool: { policy: 'round-robin' } });
    const client = await router.connect();
    for (const _ of ids) await client.request(GET);
    expect(backend.open).toBe(ids.length);
    await router.setBackends(under({ maxConcurrency: 1 }));
    await eventually(() => backend.open === 0, 'none open', 3000);
  });

  it('are closed where one is removed, and comes again with one', async () => {
    const { router, backend } = await routed(() => ok());
    await (await router.connect()).request(GET);
    await router.setBackends({});
    expect(backend.open).toBe(1);
    await router.setBackends({ 'web.1': { port: backend.port, maxConcurrency: 1 } });
    await eventually(() => backend.open === 0, 'none open', 3000);
  });

  it('are closed when their request is over, if it came meanwhile', async () => {
    const gate = Promise.withResolvers<void>();
    const { router, backend } = await routed(async () => {
      await gate.promise;
      return ok();
    });
    const answer = (await router.connect()).request(GET);
    await eventually(() => backend.requests.length === 1, 'the request to be there');
    await router.setBackends({ 'web.1': { port: backend.port, maxConcurrency: 1 } });
    gate.resolve();
    expect((await answer).status).toBe(200);
    await eventually(() => backend.open === 0, 'none open', 3000);
  });
});
