/** Requests to a pool that nobody has asked for: its ledger is made first. */
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneWish } from '../support/plane-under-test.ts';
import { backendThat, GET, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

async function asleep(wish: PlaneWish = {}) {
  const asked: string[] = [];
  const router = await routerOver({ wake: (pool) => asked.push(pool), accessLog: 'logfmt', ...wish });
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

  it('have their backend connected to when it is made, and all the time for it that others have', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, made } = await asleep({ now: () => nowMs, pool: { queue: { maxWaitMs: 500 } } });
    const [one, two] = [await router.connect(), await router.connect()];
    for (const client of [one, two]) client.send(GET);
    await eventually(() => router.plane.counters.inFlight === 2, 'both to wait');
    nowMs += 400;
    await made();
    router.plane.awake('web');
    expect([(await one.response()).status, (await two.response()).status]).toEqual([200, 200]);
    await eventually(() => router.log.split('\n').length === 3, 'two lines');
    expect(router.log.match(/ connect=0ms service=0ms /g)).toHaveLength(2);
  });

  it('may wait for a backend after it is made as long as others', async () => {
    let nowMs = 1_000_000_000_000;
    const busy = Promise.withResolvers<string>();
    const backend = await backendThat(() => busy.promise);
    const { router } = await asleep({ now: () => nowMs, pool: { queue: { maxWaitMs: 500 } } });
    const [one, two] = [await router.connect(), await router.connect()];
    for (const client of [one, two]) client.send(GET);
    await eventually(() => router.plane.counters.inFlight === 2, 'both to wait');
    nowMs += 400;
    await router.setBackends({ 'web.1': { port: backend.port, maxConcurrency: 1 } });
    router.plane.awake('web');
    await eventually(() => router.waiting === 1, 'one to wait for the other');
    nowMs += 400;
    await pause(50);
    busy.resolve(ok());
    expect([(await one.response()).status, (await two.response()).status]).toEqual([200, 200]);
    await eventually(() => router.log.split('\n').length === 3, 'two lines');
    expect(router.log).toMatch(/ wait=400ms\n/);
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
