import { describe, expect, it } from 'vitest';
import { completeDomain, type PoolName } from '../../eventlog/index.ts';
import { routesOf } from '../../src/proxy/index.ts';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneUnderTest } from '../support/plane-under-test.ts';
import { backendThat, GET, get, routerOver } from '../support/routed.ts';
import { ok, type Script } from '../support/scripted-backend.ts';

type Sick = { isSick: boolean; readonly script: Script };

function sometimes(bad: string | 'reset'): Sick {
  const sick: Sick = {
    isSick: true,
    script: (_, connection) => {
      if (!sick.isSick) return ok();
      if (bad !== 'reset') return bad;
      connection.reset();
      return undefined;
    },
  };
  return sick;
}

async function fleet(
  first: Script,
  pool: Parameters<typeof routerOver>[0]['pool'] = {},
  now?: () => number,
): Promise<PlaneUnderTest> {
  const backends: Record<string, { port: number }> = { 'web.1': { port: (await backendThat(first)).port } };
  for (const id of ['web.2', 'web.3']) backends[id] = { port: (await backendThat(() => ok())).port };
  const wish = {
    backends,
    pool: { policy: 'round-robin', retries: { idempotent: false }, ...pool },
  } as const;
  return routerOver(now === undefined ? wish : { ...wish, now });
}

async function ask(router: PlaneUnderTest, times: number, request = GET): Promise<number[]> {
  const found: number[] = [];
  const client = await router.connect();
  for (let i = 0; i < times; i++) found.push((await client.request(request)).status);
  client.close();
  await eventually(() => router.isQuiet, 'every lease given back');
  return found;
}

async function askUntil(router: PlaneUnderTest, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await ask(router, 1);
    await pause(2);
  }
}

const news = (router: PlaneUnderTest) =>
  router.reports.flatMap((report) => (report.type === 'health_changed' ? [report] : []));
const stateOf = (router: PlaneUnderTest) =>
  router.ledger
    .pool(router.pool.key)
    ?.stats()
    .rows.map(({ state }) => state);

describe('a backend that resets five requests', () => {
  it('is ejected, and back when its trial is answered', async () => {
    const sick = sometimes('reset');
    let nowMs = 1_000_000_000_000;
    const router = await fleet(sick.script, { health: { passive: { quarantineMs: 1000 } } }, () => nowMs);
    const found = await ask(router, 30);
    expect(found.filter((status) => status === 503)).toHaveLength(5);
    expect(news(router)).toMatchObject([
      { backend: 'web.1', news: { type: 'ejected', route: '', level: 1 } },
    ]);
    expect(stateOf(router)).toEqual(['ejected', 'up', 'up']);
    sick.isSick = false;
    nowMs += 1000;
    await askUntil(router, () => news(router).length > 1);
    expect(news(router)[1]).toMatchObject({ backend: 'web.1', news: { type: 'returned', route: '' } });
    expect(stateOf(router)).toEqual(['up', 'up', 'up']);
  });

  it('stays out for twice as long when its trial is reset too', async () => {
    const router = await fleet(sometimes('reset').script, { health: { passive: { quarantineMs: 20 } } });
    await ask(router, 18);
    await askUntil(router, () => news(router).length >= 3);
    expect(news(router).map(({ news: { type }, ...rest }) => [type, rest.backend])).toEqual([
      ['ejected', 'web.1'],
      ['ejected', 'web.1'],
      ['ejected', 'web.1'],
    ]);
    expect(news(router)[2]).toMatchObject({ news: { level: 3 } });
  });
});

describe('a backend that is ejected', () => {
  it('is back for all when a request of a route is its trial', async () => {
    const sick = sometimes('reset');
    let nowMs = 1_000_000_000_000;
    const router = await fleet(sick.script, { health: { passive: { quarantineMs: 1000 } } }, () => nowMs);
    await ask(router, 30);
    expect(stateOf(router)).toEqual(['ejected', 'up', 'up']);
    sick.isSick = false;
    nowMs += 1000;
    const plain = router.domains.get('app.test')!;
    const pool = 'web' as PoolName;
    const settings = completeDomain({ pool, routes: [{ match: { pathPrefix: '/' }, pool }] });
    const routes = routesOf('app.test', settings.routes, { get: () => router.pool });
    router.domains.set('app.test', { ...plain, settings, routes });
    await askUntil(router, () => news(router).length > 1);
    expect(news(router)[1]).toMatchObject({ backend: 'web.1', news: { type: 'returned', route: '' } });
  });
});

describe('a backend that says nothing', () => {
  it('is ejected too where its requests are asked elsewhere, and the log is told', async () => {
    // Its silence takes the time that it would, and no answer of the others any.
    let skippedMs = 0;
    const silent = () => {
      skippedMs += 1000;
      return undefined;
    };
    const router = await fleet(
      silent,
      {
        retries: { firstByteTimeouts: true, budgetPercent: 100 },
        timeouts: { firstByteMs: 1000, abortLingerMs: 20 },
      },
      () => performance.timeOrigin + performance.now() + skippedMs,
    );
    expect(new Set(await ask(router, 20))).toEqual(new Set([200]));
    expect(news(router)).toMatchObject([{ backend: 'web.1', news: { type: 'ejected' } }]);
  });
});

describe('a status', () => {
  const bad = 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n';

  it('makes an outlier only where it is listed', async () => {
    const listed = { health: { passive: { outlier: { statuses: ['500-599'] } } } };
    expect((await ask(await fleet(() => bad, listed), 30)).filter((status) => status === 500)).toHaveLength(
      5,
    );
    expect((await ask(await fleet(() => bad), 30)).filter((status) => status === 500)).toHaveLength(10);
  });

  it('of a URL that fails everywhere ejects nobody', async () => {
    const script: Script = ({ target }) => (target === '/bad' ? bad : ok());
    const backends: Record<string, { port: number }> = {};
    for (const id of ['web.1', 'web.2', 'web.3']) backends[id] = { port: (await backendThat(script)).port };
    const router = await routerOver({
      backends,
      pool: { policy: 'round-robin', health: { passive: { outlier: { statuses: [500] } } } },
    });
    for (let i = 0; i < 20; i++) await ask(router, 1, get(i % 2 === 0 ? '/bad' : '/'));
    expect(new Set(await ask(router, 30, get('/bad')))).toEqual(new Set([500]));
    expect(news(router)).toEqual([]);
  });
});

describe('a router that stops', () => {
  it('never counts against a backend what another answered before', async () => {
    const silent = await backendThat(() => undefined);
    const unwell = await backendThat(() => 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
    const router = await routerOver({
      backends: { 'web.1': { port: unwell.port }, 'web.2': { port: silent.port } },
      pool: {
        policy: 'round-robin',
        retries: { statuses: [503], budgetPercent: 100 },
        health: { passive: { outlier: { failures: 1, statuses: [503] }, maxEjectedPercent: 100 } },
      },
    });
    const client = await router.connect();
    client.send(GET);
    await eventually(() => silent.requests.length === 1, 'it asked elsewhere');
    await router.plane.close();
    await eventually(() => router.isQuiet, 'every lease given back');
    expect(news(router)).toMatchObject([{ backend: 'web.1', news: { type: 'ejected' } }]);
  });
});

describe('a client that goes away', () => {
  it('never counts against a backend', async () => {
    const router = await fleet(() => undefined);
    for (let i = 0; i < 30; i++) {
      const client = await router.connect();
      client.send(GET);
      await eventually(() => router.plane.counters.requests > i, 'the request');
      client.close();
      await eventually(() => router.isQuiet, 'every lease given back');
    }
    expect(news(router)).toEqual([]);
  });
});

describe('an upgraded connection on which nothing moves', () => {
  it('never counts against its backend', async () => {
    const switching = await backendThat(
      () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    const router = await routerOver({
      backends: { 'web.1': { port: switching.port } },
      pool: {
        timeouts: { idleMs: 60, abortLingerMs: 20 },
        health: { passive: { outlier: { failures: 1 }, maxEjectedPercent: 100 } },
      },
    });
    const client = await router.connect();
    client.send(get('/', 'Connection: Upgrade', 'Upgrade: websocket'));
    expect((await client.response()).status).toBe(101);
    await client.ends();
    await eventually(() => router.isQuiet, 'every lease given back');
    expect(news(router)).toEqual([]);
  });
});

describe('a kept connection that turns out to be closed', () => {
  it('never counts against its backend, though what was sent over it may not be sent again', async () => {
    const served = new Set<unknown>();
    const ends: Script = (_, connection) => {
      if (served.has(connection)) {
        connection.end();
        return undefined;
      }
      served.add(connection);
      return ok();
    };
    const router = await fleet(ends, { health: { passive: { outlier: { failures: 1 } } } });
    const post = `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi`;
    const found = await ask(router, 9, post);
    expect(found.filter((status) => status === 503)).toEqual([503]);
    expect(news(router)).toEqual([]);
  });

  it('is followed by another, whose failure counts', async () => {
    const sick = sometimes('reset');
    sick.isSick = false;
    const router = await fleet(sick.script, { health: { passive: { outlier: { failures: 1 } } } });
    await ask(router, 3);
    sick.isSick = true;
    expect((await ask(router, 3)).sort()).toEqual([200, 200, 503]);
    expect(news(router)).toMatchObject([{ backend: 'web.1', news: { type: 'ejected' } }]);
  });
});
