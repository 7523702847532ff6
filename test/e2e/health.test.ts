/** Health over the whole router: what workers saw is in force for all of them, in the log, and after a restart. */
import { describe, expect, it } from 'vitest';
import { AdminClient, ledgerOf } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { PATIENCE_MS } from '../support/eventually.ts';
import { holdPort } from '../support/held-port.ts';
import { eventsOf } from '../support/history.ts';
import { runCommand, startRouter } from '../support/router-process.ts';
import { ok, type Script, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const OUTLIER = { failures: 5, windowMs: 60_000, statuses: [500] };
const BAD = 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n';

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  await expect.poll(isSo, { interval: 10, message: what }).toBe(true);
}

describe('an outlier', () => {
  it('is ejected for its route alone, over both workers, in the log, and still after a restart', async () => {
    await using directory = await tempDirectory();
    const sick: Script = ({ target }) => (target.startsWith('/a') ? BAD : ok('sick'));
    const first = await ScriptedBackend.listen(sick);
    const second = await ScriptedBackend.listen(() => ok('well'));
    try {
      const config = {
        pools: {
          web: {
            policy: 'round-robin',
            health: { passive: { quarantineMs: 60_000, outlier: OUTLIER } },
            backends: {
              'web.1': { address: `127.0.0.1:${first.port}` },
              'web.2': { address: `127.0.0.1:${second.port}` },
            },
          },
        },
        domains: { 'app.test': { pool: 'web', routes: [{ match: { pathPrefix: '/a' }, pool: 'web' }] } },
      };
      const failed = await (async () => {
        await using router = await startRouter({
          directory: directory.path,
          config,
          args: ['--workers', '2'],
        });
        await using admin = new AdminClient(router.admin);
        let bad = 0;
        for (let i = 0; i < 60; i++) if ((await ask(router.port, 'app.test', '/a')).status === 500) bad++;
        const others: string[] = [];
        for (let i = 0; i < 10; i++) others.push((await ask(router.port, 'app.test', '/b')).text);
        expect(new Set(others)).toEqual(new Set(['sick', 'well']));
        const isTold = async () =>
          (await eventsOf(admin)).some(({ type }) => type === 'BackendHealthChanged');
        await until(isTold, 'the ejection in the log');
        const events = (await eventsOf(admin)).filter(({ type }) => type === 'BackendHealthChanged');
        expect(events).toHaveLength(1);
        expect(events[0]?.data).toMatchObject({ id: 'web.1', ejections: [{ level: 1 }], withheld: [] });
        const metrics = (await admin.must<string>('GET', '/metrics')).body;
        expect(metrics).toContain('switchyard_backend_ejections_total{pool="web"} 1');
        return bad;
      })();
      expect(failed).toBe(5);
      await using again = await startRouter({ directory: directory.path, config, args: ['--workers', '2'] });
      for (let i = 0; i < 20; i++) expect((await ask(again.port, 'app.test', '/a')).text).toBe('well');
    } finally {
      await first.close();
      await second.close();
    }
  });
});

describe('a backend that refuses', () => {
  it('is quarantined after as many failed connects in a row as the pool says, over both workers', async () => {
    await using directory = await tempDirectory();
    await using dead = await holdPort();
    const health = { passive: { connectFailures: 8, quarantineMs: 60_000 } };
    const backends = { 'web.1': { address: `127.0.0.1:${dead.port}` } };
    const config = {
      pools: { web: { health, queue: { maxWaitMs: 50 }, backends } },
      domains: { 'app.test': { pool: 'web' } },
    };
    await using router = await startRouter({ directory: directory.path, config, args: ['--workers', '2'] });
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 9; i++) codes.push(/H\d\d/.exec((await ask(router.port, 'app.test', '/')).text)?.[0]);
    expect(codes).toEqual([...Array.from({ length: 8 }, () => 'H21'), 'H34']);
  });
});

describe('a backend that is starting', () => {
  it('is up when it passes its probes, and left alone when it fails them', async () => {
    await using directory = await tempDirectory();
    let isWell = true;
    const backend = await ScriptedBackend.listen(({ target }) => (target === '/up' && !isWell ? BAD : ok()));
    try {
      const active = { path: '/up', intervalMs: 100, timeoutMs: 20_000, unhealthyAfter: 2 };
      const address = `127.0.0.1:${backend.port}`;
      const config = {
        pools: { web: { health: { active }, backends: { 'web.1': { address, state: 'starting' } } } },
        domains: { 'app.test': { pool: 'web' } },
      };
      await using router = await startRouter({ directory: directory.path, config });
      await using admin = new AdminClient(router.admin);
      const state = async () => (await ledgerOf(admin, 'web')).backends['web.1']?.state;
      await until(async () => (await state()) === 'up', 'it up');
      expect((await ask(router.port, 'app.test')).status).toBe(200);
      isWell = false;
      await until(async () => (await state()) === 'failing', 'it left alone');
      const asked = ask(router.port, 'app.test');
      isWell = true;
      expect((await asked).status).toBe(200);
      const types = (await eventsOf(admin)).map(({ type }) => type);
      expect(types).toContain('BackendStarted');
      expect(types).toContain('BackendHealthChanged');
    } finally {
      await backend.close();
    }
  });
});

describe('a backend that fails', () => {
  it('does so while it stays where it is, whatever else is changed and after a restart, and is sound elsewhere', async () => {
    await using directory = await tempDirectory();
    const [well, elsewhere] = await Promise.all(
      ['well', 'elsewhere'].map((name) => ScriptedBackend.listen(() => ok(name))),
    );
    await using gone = await holdPort();
    const passive = { quarantineMs: 60_000 };
    const active = { path: '/up', intervalMs: 100, timeoutMs: 20_000, unhealthyAfter: 1 };
    const address = ({ port }: { port: number }) => `127.0.0.1:${port}`;
    const backends = { a: { address: address(gone) }, b: { address: address(well!) } };
    const web = { policy: 'round-robin', health: { passive }, backends };
    const config = { pools: { web }, domains: { 'app.test': { pool: 'web' } } };
    const start = () => startRouter({ directory: directory.path, config, args: ['--workers', '1'] });
    const known = async (admin: AdminClient) => {
      const its = (await ledgerOf(admin, 'web')).backends['a'];
      const types = (await eventsOf(admin)).map(({ type }) => type);
      const changed = Math.max(types.lastIndexOf('BackendAdded'), types.lastIndexOf('BackendChanged'));
      const told = types.slice(changed + 1).filter((type) => type.startsWith('Backend'));
      return { state: its?.state, isQuarantined: 'quarantine' in its!, told: told.sort() };
    };
    const failing = {
      state: 'failing',
      isQuarantined: true,
      told: ['BackendHealthChanged', 'BackendQuarantined'],
    };
    try {
      const before = await start();
      const first = new AdminClient(before.admin);
      for (let i = 0; i < 4; i++) expect((await ask(before.port, 'app.test')).text).toBe('well');
      // Not before: one that fails its probes is not connected to.
      await first.must('PUT', '/v1/pools/web', { policy: 'round-robin', health: { active, passive } });
      await expect.poll(() => known(first), { timeout: PATIENCE_MS }).toEqual(failing);
      await first.must('PUT', '/v1/pools/web/backends/a', { ...backends.a, weight: 2 });
      await expect.poll(() => known(first), { timeout: PATIENCE_MS }).toEqual(failing);
      await before.kill();

      await using after = await start();
      await using second = new AdminClient(after.admin);
      expect(await known(second)).toEqual(failing);
      await second.must('PUT', '/v1/pools/web/backends/a', { address: address(elsewhere!) });
      expect(await known(second)).toEqual({ state: 'up', isQuarantined: false, told: [] });
      const served = new Set<string>();
      for (let i = 0; i < 4; i++) served.add((await ask(after.port, 'app.test')).text);
      expect(served).toEqual(new Set(['well', 'elsewhere']));
      expect((await second.post('/v1/replay', { verify: true })).body).toMatchObject({ ok: true });
      expect((await second.post('/v1/verify')).body).toMatchObject({ ok: true });
    } finally {
      await well!.close();
      await elsewhere!.close();
    }
  });
});

describe('`backend list`', () => {
  it('says what each backend is, why and until when', async () => {
    await using directory = await tempDirectory();
    const sick = await ScriptedBackend.listen(({ target }) => (target.startsWith('/a') ? BAD : ok('sick')));
    const well = await ScriptedBackend.listen(() => ok('well'));
    await using gone = await holdPort();
    try {
      await using router = await startRouter({
        directory: directory.path,
        config: {
          pools: {
            web: {
              policy: 'round-robin',
              health: { passive: { quarantineMs: 60_000, outlier: OUTLIER } },
              backends: {
                gone: { address: `127.0.0.1:${gone.port}` },
                sick: { address: `127.0.0.1:${sick.port}` },
                well: { address: `127.0.0.1:${well.port}` },
              },
            },
          },
          domains: { 'app.test': { pool: 'web', routes: [{ match: { pathPrefix: '/a' }, pool: 'web' }] } },
        },
      });
      for (let i = 0; i < 40; i++) await ask(router.port, 'app.test', '/a');
      const listed = async () =>
        (await runCommand(['backend', 'list', 'web', '--admin', router.admin])).output;
      await until(
        async () => /sick .* up, ejected on app\.test#\/a until 20/.test(await listed()),
        'its route',
      );
      expect(await listed()).toMatch(/gone .* quarantined until 20\S+: connect refused/);
      expect(await listed()).toMatch(/well .* up {2}/);
    } finally {
      await sick.close();
      await well.close();
    }
  });

  it('counts one quarantine, however many requests find that it refuses', async () => {
    await using directory = await tempDirectory();
    await using gone = await holdPort();
    await using router = await startRouter({
      directory: directory.path,
      config: {
        pools: {
          web: {
            queue: { maxWaitMs: 50 },
            health: { passive: { quarantineMs: 60_000 } },
            backends: { gone: { address: `127.0.0.1:${gone.port}` } },
          },
        },
        domains: { 'app.test': { pool: 'web' } },
      },
    });
    await Promise.all(Array.from({ length: 12 }, () => ask(router.port, 'app.test', '/')));
    await using admin = new AdminClient(router.admin);
    const { body } = await admin.get<string>('/metrics');
    expect(body).toMatch(/^switchyard_backend_quarantines_total\{pool="web"\} 1$/m);
  });

  it('tells of no quarantine whose time is over, and of an ejection that it waits for a request', async () => {
    await using directory = await tempDirectory();
    const sick = await ScriptedBackend.listen(({ target }) => (target === '/a' ? BAD : ok('sick')));
    const well = await ScriptedBackend.listen(() => ok('well'));
    await using gone = await holdPort();
    try {
      const addresses = Object.entries({ gone, sick, well }).map(
        ([id, { port }]) => [id, { address: `127.0.0.1:${port}` }] as const,
      );
      const passive = { quarantineMs: 1000, outlier: OUTLIER };
      const web = { policy: 'round-robin', health: { passive }, backends: Object.fromEntries(addresses) };
      const config = { pools: { web }, domains: { 'app.test': { pool: 'web' } } };
      await using router = await startRouter({ directory: directory.path, config });
      for (let i = 0; i < 40; i++) await ask(router.port, 'app.test', '/a');
      const listed = async () =>
        (await runCommand(['backend', 'list', 'web', '--admin', router.admin])).output;
      // The one that refuses may have been tried again meanwhile.
      const over = [/sick .* ejected until a request has tried it /, /gone .* up {2}/];
      await until(async () => {
        const lines = await listed();
        return over.every((words) => words.test(lines));
      }, 'their time');
      // The next request would end both: one of them is its trial.
      const asked = ['explain', '--host', 'app.test', '--path', '/', '--admin', router.admin];
      const explained = (await runCommand(asked)).output;
      expect(explained).toMatch(/ gone .* open\n/);
      expect(explained).toContain('goes to  sick');
      const metrics = await (await fetch(`http://${router.admin}/metrics`)).text();
      expect(metrics).toMatch(/switchyard_pool_backends\{pool="web",state="up"\} 2/);
      expect(metrics).not.toMatch(/switchyard_pool_backends\{pool="web",state="quarantined"\} [1-9]/);
    } finally {
      await sick.close();
      await well.close();
    }
  });
});
