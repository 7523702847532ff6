/** Requests to a pool that nobody has asked for: its ledger is made first. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { backendThat, GET, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

async function asleep() {
  const asked: string[] = [];
  const router = await routerOver({ wake: (pool) => asked.push(pool), accessLog: 'logfmt' });
  const backend = await backendThat(() => ok());
  return {
    router,
    asked,
    made: () => router.setBackends({ 'web.1': { port: backend.port } }),
    backend,
  };
}

describe('requests to a pool that has no ledger yet', () => {
  it('wait until it is made, which is asked for once, apart from those who have left', async () => {
    const { router, asked, made, backend } = await asleep();
    const [one, two, leaving] = [await router.connect(), await router.connect(), await router.connect()];
    for (const client of [one, two, leaving]) client.send(GET);
    await eventually(() => router.plane.counters.inFlight === 3, 'all to wait');
    leaving.close();
    await eventually(() => router.plane.counters.inFlight === 2, 'one to have left');
    await made();
    router.plane.awake('other');
    expect([asked, backend.requests.length]).toEqual([['web'], 0]);
    router.plane.awake('web');
    expect([(await one.response()).status, (await two.response()).status]).toEqual([200, 200]);
    expect(router.plane.counters.checkouts).toBe(2);
    expect(router.isQuiet).toBe(true);
  });

  it('ask again where it was freed meanwhile, thrice, and are then told that its owner is not there', async () => {
    const { router, asked } = await asleep();
    router.place('web.1', { port: 1 });
    const client = (await router.connect()).send(GET);
    for (let times = 1; times <= 3; times++) {
      await eventually(() => asked.length === times, 'it to be asked for');
      router.plane.awake('web');
    }
    expect((await client.response()).status).toBe(503);
    await eventually(() => router.log.includes('code=H99'), 'a line');
    expect(router.log).toContain('outcome=owner_unavailable');
    expect(asked).toHaveLength(3);
    expect(router.isQuiet).toBe(true);
  });

  it('are refused where the pool turns out to have no backends', async () => {
    const { router, asked } = await asleep();
    const client = (await router.connect()).send(GET);
    await eventually(() => asked.length === 1, 'it to be asked for');
    router.plane.awake('web');
    expect((await client.response()).body).toContain('H14');
    await eventually(() => router.log.includes('outcome=no_backends'), 'a line');
  });

  it('are told after five seconds that nobody has made it', async () => {
    const { router, made } = await asleep();
    const client = (await router.connect()).send(GET);
    const sinceMs = performance.now();
    await eventually(() => router.log.includes('outcome=owner_unavailable'), 'a line');
    expect((await client.response()).body).toContain('H99');
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(4999);
    await made();
    router.plane.awake('web');
    await eventually(() => router.isQuiet, 'quiet');
    expect(router.plane.counters.checkouts).toBe(0);
  });
});
