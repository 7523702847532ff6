/** The first hour with switchyard: a config file, requests, the admin API, the verbs, a restart, an end. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient, actorsOf } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { eventually } from '../support/eventually.ts';
import { holdPort } from '../support/held-port.ts';
import { startLoad, summary } from '../support/load.ts';
import { NotReady, type RouterOptions, runCommand, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

async function refusalOf(options: RouterOptions) {
  const started = await startRouter(options).catch((error: unknown) => error);
  if (started instanceof NotReady) return started.ended;
  if (started instanceof Error) throw started;
  await (started as AsyncDisposable)[Symbol.asyncDispose]();
  throw new Error('expected a refusal to start, found a router');
}

describe('serve with a config file', () => {
  it('routes each host to its pool: exact before wildcard before catch-all', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await using any = await Backend.start({ name: 'any' });
    await using rest = await Backend.start({ name: 'rest' });
    await using router = await startRouter({
      directory: directory.path,
      config: {
        pools: {
          web: { backends: { 'web.1': { address: web.address } } },
          any: { backends: { 'any.1': { address: any.address } } },
          rest: { backends: { 'rest.1': { address: rest.address } } },
        },
        domains: { 'example.com': { pool: 'web' }, '*.example.com': { pool: 'any' }, '*': { pool: 'rest' } },
      },
    });
    const backendOf = async (host: string) => (await ask(router.port, host)).backend;
    expect(await backendOf('example.com')).toBe('web');
    expect(await backendOf('EXAMPLE.com:8080')).toBe('web');
    expect(await backendOf('www.example.com')).toBe('any');
    expect(await backendOf('other.example')).toBe('rest');
  });

  it('spreads requests over the backends of a pool', async () => {
    await using directory = await tempDirectory();
    await using one = await Backend.start({ name: 'one' });
    await using two = await Backend.start({ name: 'two' });
    const backends = { 'web.1': { address: one.address }, 'web.2': { address: two.address } };
    await using router = await startRouter({
      directory: directory.path,
      config: {
        pools: { web: { policy: 'round-robin', backends } },
        domains: { 'example.com': { pool: 'web' } },
      },
    });
    for (let count = 0; count < 20; count++) await ask(router.port, 'example.com');
    expect([one.requests, two.requests]).toEqual([10, 10]);
  });

  it('carries bodies both ways and tells the backend who asked', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    let seen: Record<string, unknown> = {};
    web.onRequest = ({ headers, method, url }) => {
      seen = { method, url, ...headers };
    };
    await using router = await startRouter({ directory: directory.path, config: onePool(web) });
    const body = 'x'.repeat(100_000);
    const answer = await ask(router.port, 'example.com', '/a?b=%20c', { method: 'POST', body });
    expect(answer).toMatchObject({ status: 200, text: 'web example.com /a?b=%20c\n' });
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/a?b=%20c',
      host: 'example.com',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'content-length': '100000',
    });
  });

  it('answers 404 for a host that nobody serves, and 503 for a pool without backends', async () => {
    await using directory = await tempDirectory();
    const config = { pools: { empty: { backends: {} } }, domains: { 'empty.example': { pool: 'empty' } } };
    await using router = await startRouter({ directory: directory.path, config });
    expect((await ask(router.port, 'nobody.example')).status).toBe(404);
    expect((await ask(router.port, 'empty.example')).status).toBe(503);
  });

  it('writes one access-log line a request, with the code of what went wrong', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    const config = {
      pools: { web: { backends: { 'web.1': { address: web.address } } }, empty: { backends: {} } },
      domains: { 'example.com': { pool: 'web' }, 'empty.example': { pool: 'empty' } },
    };
    await using router = await startRouter({ directory: directory.path, config });
    await ask(router.port, 'example.com', '/fine');
    await ask(router.port, 'empty.example', '/missing');
    await ask(router.port, 'nobody.example', '/unknown');
    const { output } = await router.stop();
    const lines = output.split('\n').filter((line) => /\bat=\w+/.test(line));
    expect(lines).toHaveLength(3);
    // Each worker writes its own lines: those of two need not be in the order of the requests.
    const about = (path: string) => lines.find((line) => line.includes(path));
    expect(about('/fine')).toMatch(/at=info method=GET path="?\/fine"? host=example\.com .*status=200/);
    expect(about('/missing')).toMatch(/at=error code=H14 .*path="?\/missing"? .*status=503/);
    expect(about('/unknown')).toMatch(/path="?\/unknown"? host=nobody\.example .*status=404/);
  });
});

describe('the admin API', () => {
  it('creates, shows, changes, lists and removes domains, pools and backends', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await using router = await startRouter({ directory: directory.path });
    await using admin = new AdminClient(router.admin);
    expect(await admin.put('/v1/pools/web', {})).toMatchObject({ status: 201, version: 1 });
    expect(await admin.put('/v1/pools/web/backends/web.1', { address: web.address })).toMatchObject({
      status: 201,
    });
    expect(await admin.put('/v1/domains/example.com', { pool: 'web' })).toMatchObject({ status: 201 });
    expect(await ask(router.port, 'example.com')).toMatchObject({ status: 200, backend: 'web' });

    expect(await admin.put('/v1/pools/web', { maxConcurrency: 7 })).toMatchObject({ status: 200 });
    const pool = await admin.get('/v1/pools/web');
    expect(pool.body).toMatchObject({ maxConcurrency: 7, backends: { 'web.1': { address: web.address } } });
    expect((await admin.get('/v1/domains')).body).toMatchObject({ items: [{ name: 'example.com' }] });

    expect((await admin.delete('/v1/pools/web')).body).toMatchObject({ type: 'pool_in_use' });
    expect((await admin.delete('/v1/domains/example.com')).status).toBe(204);
    expect((await ask(router.port, 'example.com')).status).toBe(404);
    expect((await admin.delete('/v1/pools/web')).status).toBe(204);
    expect((await admin.get('/v1/pools/web')).status).toBe(404);
  });

  it('says that it is alive and ready, and counts requests', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await using router = await startRouter({ directory: directory.path, config: onePool(web) });
    await using admin = new AdminClient(router.admin);
    for (let count = 0; count < 5; count++) await ask(router.port, 'example.com');
    expect((await admin.get('/healthz')).status).toBe(200);
    expect((await admin.get('/readyz')).status).toBe(200);
    const counted = async () => {
      const { body } = await admin.get<string>('/metrics');
      const counts = [...body.matchAll(/^switchyard_pool_requests_total\{[^}]*pool="web"[^}]*\} (\d+)/gm)];
      return counts.reduce((sum, [, value]) => sum + Number(value), 0);
    };
    // A worker that does not answer within a second is counted as it was.
    await expect.poll(counted).toBe(5);
  });

  it('shows the supervision tree, with an actor for each owner', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await using router = await startRouter({ directory: directory.path, config: onePool(web) });
    await using admin = new AdminClient(router.admin);
    const actors = await actorsOf(admin);
    const ids = actors.map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining([
        'log',
        'feed',
        'admin',
        'health',
        'pool:web',
        'domain:example.com',
        'backend:web/web.1',
        'worker:1',
      ]),
    );
    expect(new Set(actors.map(({ state }) => state))).toEqual(new Set(['running']));
  });
});

describe('the verbs', () => {
  it('set, show, apply, print events, and verify, on a running router and on its data at rest', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await using router = await startRouter({ directory: directory.path });
    const verb = (...words: string[]) => runCommand([...words, '--admin', router.admin]);
    expect(await verb('pool', 'set', 'web')).toMatchObject({ code: 0 });
    expect(await verb('backend', 'set', 'web', 'web.1', `address=${web.address}`)).toMatchObject({ code: 0 });
    expect(await verb('domain', 'set', 'example.com', 'pool=web', '--as', 'me')).toMatchObject({ code: 0 });
    expect(await ask(router.port, 'example.com')).toMatchObject({ backend: 'web' });
    expect((await verb('domain', 'list')).output).toContain('example.com');
    expect(await verb('domain', 'set', 'example.com', 'pool=nowhere')).toMatchObject({ code: 1 });
    expect(await verb('domain', 'sett', 'example.com')).toMatchObject({ code: 2 });
    expect((await verb('events')).output).toMatch(/DomainCreated/);
    expect(await verb('verify')).toMatchObject({ code: 0 });
    await router.stop();
    const atRest = (...words: string[]) => runCommand([...words, '--data', `${directory.path}/data`]);
    expect((await atRest('events')).output).toMatch(/DomainCreated/);
    expect((await atRest('state')).output).toContain('example.com');
    expect(await atRest('verify')).toMatchObject({ code: 0 });
  });
});

describe('a second start', () => {
  it('goes on from the log, says how the file differs, and applies it only when told', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    const first = await startRouter({ directory: directory.path, config: onePool(web) });
    expect(await first.stop()).toMatchObject({ code: 0 });

    const config = {
      ...onePool(web),
      domains: { 'example.com': { pool: 'web' }, 'new.example': { pool: 'web' } },
    };
    const second = await startRouter({ directory: directory.path, config });
    expect(await ask(second.port, 'example.com')).toMatchObject({ status: 200 });
    expect(await ask(second.port, 'new.example')).toMatchObject({ status: 404 });
    expect((await second.stop()).output).toMatch(/new\.example/);

    await using third = await startRouter({ directory: directory.path, config, args: ['--apply'] });
    expect(await ask(third.port, 'new.example')).toMatchObject({ status: 200 });
  });

  it('that would take away too much is refused in a line that says what allows it', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    const domains = Object.fromEntries(
      Array.from({ length: 12 }, (_, at) => [`d${at}.example`, { pool: 'web' }]),
    );
    const first = await startRouter({ directory: directory.path, config: { ...onePool(web), domains } });
    await first.stop();

    const config = { ...onePool(web), domains: {} };
    const { code, output } = await refusalOf({ directory: directory.path, config, args: ['--apply'] });
    expect(code).toBe(1);
    expect(output).toContain('found 12; --allow-removals 12 allows it (a flag of switchyard apply)\n');
    expect(output).not.toContain('crashed');
    expect(output).not.toContain('"stack"');
  });

  it('on the same data is refused while the first runs, and told who holds it and how to take its place', async () => {
    await using directory = await tempDirectory();
    await using first = await startRouter({ directory: directory.path });
    const listen = [`127.0.0.1:${first.port}`];
    const { code, output } = await refusalOf({ directory: directory.path, listen });
    expect(code).toBe(1);
    expect(output).toMatch(
      new RegExp(`held by process ${first.pid} .*; serve --take-over would take its place`),
    );
    expect(output).not.toMatch(/^\s+at /m);
  });

  it('on a port in use is refused and told which', async () => {
    await using directory = await tempDirectory();
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    const { code, output } = await refusalOf({ directory: directory.path, listen: [`127.0.0.1:${port}`] });
    squatter.close();
    expect(code).toBe(1);
    expect(output).toContain(`127.0.0.1:${port}`);
    expect(output).toMatch(/--listen and --admin/);
    expect(output).not.toMatch(/^\s+at /m);
  });

  it.runIf(process.platform === 'linux')(
    'in the same second as another on its port leaves it to one',
    async () => {
      await using one = await tempDirectory();
      await using other = await tempDirectory();
      await using free = await holdPort();
      const listen = [`127.0.0.1:${free.port}`];
      const starts = [one, other].map(({ path }) => startRouter({ directory: path, listen }));
      const ends = await Promise.allSettled(starts);
      for (const end of ends) if (end.status === 'fulfilled') await end.value.kill();
      const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as NotReady] : []));
      expect(refused.map(({ ended }) => ended)).toEqual([
        {
          code: 1,
          signal: null,
          output:
            `switchyard: expected ${listen[0]} to be free, found it in use by another program\n` +
            'switchyard: other addresses are chosen with --listen and --admin, or in the config file\n',
        },
      ]);
    },
  );

  it('with neither config nor log starts empty and says how to add a domain', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path });
    expect(router.output()).toMatch(/no domain yet.*domain set/);
  });
});

describe('SIGTERM', () => {
  it('loses no request of a steady load, and ends with 0', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    web.behave = () => ({ type: 'answer', delayMs: 5 });
    await using router = await startRouter({
      directory: directory.path,
      config: { ...onePool(web), accessLog: false },
    });
    await using load = startLoad({
      port: router.port,
      connections: 32,
      hosts: ['example.com'],
      whenRefused: 'end',
      // Whoever connects in the moment in which a listener closes is in its accept queue, and no request of the router's.
      forgivesUnaccepted: true,
    });
    await load.completes(500);
    const ended = await router.stop();
    await load.over;
    const figures = load.figures();
    expect(summary(figures)).toBe('');
    expect(figures.refused).toBe(32);
    expect(figures.unaccepted).toBeLessThan(32);
    expect(ended).toMatchObject({ code: 0, signal: null });
  });

  it('lets a response under way finish', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    web.behave = () => ({ type: 'stream', chunks: 20, everyMs: 50 });
    await using router = await startRouter({ directory: directory.path, config: onePool(web) });
    const answer = ask(router.port, 'example.com');
    await eventually(() => web.requests === 1, 'the request at the backend');
    const ended = router.stop();
    expect((await answer).text.split('\n').filter((line) => line !== '')).toHaveLength(20);
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('a second time ends at once', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    web.behave = () => ({ type: 'silent' });
    await using router = await startRouter({ directory: directory.path, config: onePool(web) });
    const answer = ask(router.port, 'example.com').catch((error: Error) => error);
    await eventually(() => web.requests === 1, 'the request at the backend');
    router.signal('SIGTERM');
    await eventually(() => router.output().includes('draining'), 'word of the first');
    const began = performance.now();
    router.signal('SIGTERM');
    await router.ended;
    // A drain lasts 30 s.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await answer).toBeInstanceOf(Error);
  });
});

describe('npm start', () => {
  // The shell between npm and the router passes no signal on.
  it('is the router itself, and drains when npm is ended', async () => {
    const words = ['start', '--', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    const npm = spawn('npm', words, {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    npm.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    // Everything that it said is here by then.
    const ended = once(npm, 'close');
    await eventually(() => output.includes('End it with'), 'the demo', 50_000);
    const router = Number(/"pid":(\d+)/.exec(output)?.[1]);
    try {
      npm.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      expect(output).toContain('draining');
      expect(isAlive(router)).toBe(false);
    } finally {
      npm.kill('SIGKILL');
      if (isAlive(router)) process.kill(router, 'SIGKILL');
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function onePool(backend: Backend): object {
  return {
    pools: { web: { backends: { 'web.1': { address: backend.address } } } },
    domains: { 'example.com': { pool: 'web' } },
  };
}
