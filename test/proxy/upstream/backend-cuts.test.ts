/** What is still under way on a drained backend when its time is over. */
import { expect, it } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { backendThat, GET, routerOver } from '../../support/routed.ts';
import { ok } from '../../support/scripted-backend.ts';

it('is cut then, each backend at its own time, and not where the drain was called off', async () => {
  const silent = Promise.withResolvers<void>();
  const script = async () => {
    await silent.promise;
    return ok();
  };
  const ids = ['late', 'soon', 'kept'];
  const listening = await Promise.all(ids.map(() => backendThat(script)));
  const backends = Object.fromEntries(
    ids.map((id, at) => [id, { port: listening[at]!.port, maxConcurrency: 1 }]),
  );
  const router = await routerOver({ backends, accessLog: 'logfmt' });
  const clients = await Promise.all(ids.map(async () => (await router.connect()).send(GET)));
  const busy = () => Object.entries(router.inFlight()).flatMap(([id, count]) => (count > 0 ? [id] : []));
  await eventually(() => busy().length === 3, 'one request each');
  const nowMs = performance.timeOrigin + performance.now();
  for (const [id, ms] of [
    ['kept', 50],
    ['late', 1000],
    ['soon', 100],
    ['kept', Number.POSITIVE_INFINITY],
  ] as const)
    router.plane.cutAt('web', id, nowMs + ms);
  router.plane.cutAt('other', 'late', nowMs);
  await eventually(() => busy().length === 2, 'the first to be cut');
  expect(busy()).toEqual(['late', 'kept']);
  await eventually(() => busy().length === 1, 'the second to be cut');
  expect(performance.timeOrigin + performance.now() - nowMs).toBeGreaterThanOrEqual(999);
  await pause(50);
  expect(busy()).toEqual(['kept']);
  silent.resolve();
  const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
  expect(statuses.toSorted()).toEqual([200, 503, 503]);
});
