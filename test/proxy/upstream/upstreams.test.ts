/** What one worker has open to backends with a limit, while pools and limits come and go. */
import { describe, expect, it } from 'vitest';
import { keyOf, type PoolDefinition, type RowDefinition } from '../../../actors/index.ts';
import { eventually } from '../../support/eventually.ts';
import type { PlaneUnderTest } from '../../support/plane-under-test.ts';
import { GET, routed } from '../../support/routed.ts';
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
