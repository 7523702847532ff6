/** Routes and sticky sessions of the real command with several workers: what clients see, and what the journal keeps of it. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RouteMatcher } from '../../actors/index.ts';
import { openJournalReader, type RouteSettings } from '../../eventlog/index.ts';
import { compilePattern } from '../../src/config/index.ts';
import { replayPool } from '../eventlog/journal/replay.ts';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const HOST = 'app.example';
const SECRET = 'hunter2-very-secret';

const routes = [
  { match: { pathPrefix: '/' }, split: [{ pool: 'web', weight: 1 }] },
  { match: { pathPrefix: '/api', headers: { 'X-Tenant': SECRET } }, pool: 'api' },
  {
    match: { pathPrefix: '/api' },
    split: [
      { pool: 'api', weight: 1 },
      { pool: 'web', weight: 1 },
    ],
    splitOn: { cookie: 'id' },
  },
  { match: { pathRegex: '^/old/' }, redirect: { location: 'https://{host}{path}' } },
];

function setCookie(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const given = headers['set-cookie'];
  return (Array.isArray(given) ? given : [given]).join(' ').match(/home=([^;]+)/)?.[1];
}

describe('a router with routes and sticky sessions', () => {
  it('keeps sessions at home over workers, through limits, drains and restarts, and journals why without saying what', async () => {
    await using directory = await tempDirectory();
    await using stack = new AsyncDisposableStack();
    const start = async (name: string) => stack.use(await Backend.start({ name, limit: 2 }));
    const web = [await start('web.1'), await start('web.2'), await start('web.3')];
    const api = await start('api.1');
    const backends = Object.fromEntries(web.map(({ name, address }) => [name, { address }]));
    const config = {
      pools: {
        web: { maxConcurrency: 2, affinity: { cookie: 'home' }, backends },
        api: {
          policy: 'consistent-hash',
          hashOn: { cookie: 'id' },
          backends: { 'api.1': { address: api.address } },
        },
      },
      domains: { [HOST]: { pool: 'web', routes } },
    };
    const args = ['--workers', '2'];
    const sessions = new Map<string, string>();
    let kept: readonly RouteSettings[] = [];
    {
      await using router = await startRouter({ directory: directory.path, config, args });
      for (let i = 0; i < 9; i++) {
        const { backend, headers } = await ask(router.port, HOST, `/first/${i}`);
        sessions.set(setCookie(headers) ?? '', backend ?? '');
      }
      expect(sessions.has('')).toBe(false);
      // Each of them several times at once: more than their homes take, so some wait, and none goes elsewhere.
      const crowd = [...sessions].flatMap(([cookie, home]) =>
        Array.from({ length: 8 }, async () => {
          const found = await ask(router.port, HOST, '/again', {
            headers: { cookie: `a=b; home=${cookie}` },
          });
          expect(found.backend).toBe(home);
          expect(setCookie(found.headers)).toBeUndefined();
        }),
      );
      await Promise.all(crowd);
      for (const backend of web) expect(backend.excess).toEqual([]);
      const tenant = { 'x-tenant': SECRET, cookie: `id=${SECRET}` };
      expect((await ask(router.port, HOST, '/api/x', { headers: tenant })).backend).toBe('api.1');
      const sides = new Set<string>();
      // All on one side has a chance of 10^-10.
      for (let id = 0; id < 35; id++) {
        const one = await ask(router.port, HOST, '/api/y', { headers: { cookie: `id=${SECRET}${id}` } });
        const two = await ask(router.port, HOST, '/api/y', { headers: { cookie: `id=${SECRET}${id}` } });
        const side = (one.backend ?? '').slice(0, 3);
        expect((two.backend ?? '').slice(0, 3)).toBe(side);
        sides.add(side);
      }
      expect(sides.size).toBe(2);
      expect(await ask(router.port, HOST, '/old/x')).toMatchObject({
        status: 308,
        headers: { location: 'https://app.example/old/x' },
      });

      const [cookie = '', home = ''] = [...sessions][0] ?? [];
      const sticky = { headers: { cookie: `home=${cookie}` } };
      await using admin = new AdminClient(router.admin);
      // As it shows them: in order of precedence.
      kept = (await admin.get<{ routes: readonly RouteSettings[] }>(`/v1/domains/${HOST}`)).body.routes;
      const drain = `/v1/pools/web/backends/${home}/drain`;
      const began = performance.now();
      let isOver = false;
      const draining = admin
        .send('POST', drain, { timeoutMs: 1500 }, { prefer: 'wait' })
        .then((reply) => ({ reply, afterMs: performance.now() - began }))
        .finally(() => {
          isOver = true;
        });
      let came = 0;
      while (!isOver && performance.now() - began < 1200) {
        if ((await ask(router.port, HOST, '/sticky', sticky)).backend === home) came++;
        expect((await ask(router.port, HOST, '/new')).status).toBe(200);
      }
      const { reply, afterMs } = await draining;
      expect(reply.status).toBe(200);
      expect(came).toBeGreaterThan(0);
      expect(afterMs).toBeGreaterThanOrEqual(1500);
      expect((await ask(router.port, HOST, '/sticky', sticky)).backend).not.toBe(home);
      await admin.must('PUT', `/v1/pools/web/backends/${home}`, backends[home] ?? {});
      expect((await admin.send('DELETE', '/v1/pools/api')).body).toMatchObject({ type: 'pool_in_use' });
      expect((await router.stop()).code).toBe(0);
    }
    const data = join(directory.path, 'data');
    const life = openJournalReader(data);
    const { counts } = replayPool(life, 'web');
    expect(counts.grant).toBeGreaterThan(0);
    life.close();
    {
      // A new process with the same directory knows the old cookies; and so does nobody else.
      await using router = await startRouter({ directory: directory.path, config, args });
      for (const [cookie, home] of sessions)
        expect((await ask(router.port, HOST, '/', { headers: { cookie: `home=${cookie}` } })).backend).toBe(
          home,
        );
      expect((await router.stop()).code).toBe(0);
    }

    expect(statSync(join(data, 'secret')).mode & 0o777).toBe(0o600);
    using reader = Object.assign(openJournalReader(data), {
      [Symbol.dispose](this: { close(): void }) {
        this.close();
      },
    });
    const requests = [...reader.requests()];
    const ofPath = (path: string) => requests.filter((request) => request.path === path);
    expect(ofPath('/again').every(({ routing }) => routing?.affinity === 'home')).toBe(true);
    expect(ofPath('/first/0')[0]?.routing).toMatchObject({ affinity: 'none', route: 3 });
    expect(ofPath('/sticky').map(({ routing }) => routing?.affinity)).toContain('moved');
    const tenants = ofPath('/api/x');
    expect(tenants[0]).toMatchObject({
      pool: { name: 'api' },
      routing: { route: 1, ruleBits: 1, draw: undefined },
    });
    expect(tenants[0]?.routing?.digest).toBeGreaterThan(0);
    for (const { routing, pool } of ofPath('/api/y')) {
      expect(routing).toMatchObject({ route: 2, ruleBits: 0 });
      expect(routing?.digest === undefined).toBe(pool?.name === 'web');
      expect(routing?.draw).toBeGreaterThanOrEqual(0);
    }
    expect(ofPath('/old/x')[0]).toMatchObject({ outcome: 'redirected', status: 308, routing: { route: 0 } });

    // What is journalled is enough to say again which route each took.
    const matcher = new RouteMatcher(kept, compilePattern);
    for (const { method, path, routing } of requests) {
      const told = matcher.explain({ method, path, headers: routing?.ruleBits ?? 0 });
      expect(told.findIndex(({ verdict }) => verdict === 'matched')).toBe(routing?.route ?? -1);
    }
    const files = readdirSync(join(data, 'journal')).map((name) =>
      readFileSync(join(data, 'journal', name), 'latin1'),
    );
    for (const text of files) {
      expect(text).not.toContain(SECRET);
      for (const cookie of sessions.keys()) expect(text).not.toContain(cookie);
    }
  });
});
