/** SIGTERM: nobody is let in any more, whoever is in may finish, and the admin says so until all have. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { eventually, pause } from '../support/eventually.ts';
import { runCommand, startRouter } from '../support/router-process.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

describe('SIGTERM', () => {
  it.each(['0', '2'])(
    'with %s workers closes the listeners of all at once, and /readyz says 503 while a request goes on',
    async (workers) => {
      await using directory = await tempDirectory();
      const slow = Promise.withResolvers<string>();
      const backend = await ScriptedBackend.listen(() => slow.promise);
      await using _ = { [Symbol.asyncDispose]: () => backend.close() };
      await using router = await startRouter({
        directory: directory.path,
        args: ['--workers', workers],
        config: {
          pools: { web: { backends: { 'web.1': { address: `127.0.0.1:${backend.port}` } } } },
          domains: { 'example.com': { pool: 'web' } },
        },
      });
      const answer = ask(router.port, 'example.com');
      await eventually(() => backend.connections.length === 1, 'the request at the backend');
      router.signal('SIGTERM');
      // A port that one of two workers still had would never be.
      await expect.poll(() => isRefused(router.port), { interval: 10 }).toBe(true);
      expect(await ready(router.admin)).toEqual({ status: 503, detail: 'draining' });
      // Whoever rotates logs or has a terminal closed does not know of it.
      for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
        router.signal(signal);
        await eventually(() => router.output().includes(`"msg":"${signal}: ignored`), signal);
      }
      slow.resolve(ok());
      expect((await answer).status).toBe(200);
      expect((await router.ended).code).toBe(0);
      expect(lastLine(router.output())).toMatchObject({ msg: 'ended', requestsCut: 0 });
    },
  );

  it.each(['SIGHUP', 'SIGUSR2'] as const)('ends with 0 however often %s comes meanwhile', async (signal) => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, args: ['--workers', '0'] });
    router.signal('SIGTERM');
    await eventually(() => router.output().includes('"msg":"draining'), 'the drain');
    const signals = setInterval(() => router.signal(signal), 1);
    try {
      expect(await router.ended).toMatchObject({ code: 0, signal: null });
    } finally {
      clearInterval(signals);
    }
  });

  it.each(['0', '2'])(
    'with %s workers first goes on for drainDelayMs, while health checks fail, also those of a new worker',
    async (workers) => {
      await using directory = await tempDirectory();
      const backend = await ScriptedBackend.listen(() => ok());
      await using _ = { [Symbol.asyncDispose]: () => backend.close() };
      await using router = await startRouter({
        directory: directory.path,
        args: ['--workers', workers],
        config: {
          drainDelayMs: 86_400_000,
          listeners: [{ address: '127.0.0.1:0', probePath: '/probe' }],
          pools: { web: { backends: { 'web.1': { address: `127.0.0.1:${backend.port}` } } } },
          domains: { 'example.com': { pool: 'web' } },
        },
      });
      const probe = async () => (await ask(router.port, 'example.com', '/probe')).status;
      expect(await probe()).toBe(200);
      router.signal('SIGTERM');
      await eventually(() => router.output().includes('"msg":"health checks fail'), 'the announcement');
      await expect.poll(probe).toBe(503);
      expect(await ready(router.admin)).toEqual({ status: 503, detail: 'draining' });
      if (workers !== '0') {
        const replaced = await runCommand(['workers', 'replace', '--admin', router.admin]);
        expect(replaced.code).toBe(0);
      }
      for (let times = 0; times < 20; times++) {
        expect(await probe()).toBe(503);
        expect(await ask(router.port, 'example.com')).toMatchObject({ status: 200 });
      }
      router.signal('SIGTERM');
      expect((await router.ended).code).toBe(1);
    },
  );

  it('drains when drainDelayMs is over', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, config: { drainDelayMs: 700 } });
    const sinceMs = performance.now();
    router.signal('SIGTERM');
    while (!(await isRefused(router.port))) await pause(10);
    expect(performance.now() - sinceMs).toBeGreaterThan(690);
    expect((await router.ended).code).toBe(0);
    expect(lastLine(router.output())).toMatchObject({ msg: 'ended', requestsCut: 0 });
  });

  it.each(['0', '2'])('with %s workers says last how many requests it had to cut', async (workers) => {
    await using directory = await tempDirectory();
    const backend = await ScriptedBackend.listen(() => new Promise<string>(() => {}));
    await using _ = { [Symbol.asyncDispose]: () => backend.close() };
    await using router = await startRouter({
      directory: directory.path,
      args: ['--workers', workers],
      config: {
        drainMs: 100,
        pools: { web: { backends: { 'web.1': { address: `127.0.0.1:${backend.port}` } } } },
        domains: { 'example.com': { pool: 'web' } },
      },
    });
    const answers = Promise.allSettled([1, 2, 3].map(() => ask(router.port, 'example.com')));
    await eventually(() => backend.connections.length === 3, 'the requests at the backend');
    router.signal('SIGTERM');
    expect((await router.ended).code).toBe(0);
    await answers;
    expect(lastLine(router.output())).toMatchObject({ msg: 'ended', requestsCut: 3 });
  });
});

function lastLine(output: string): unknown {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
}

async function ready(admin: string) {
  const response = await fetch(`http://${admin}/readyz`);
  const { detail } = (await response.json()) as { detail: string };
  return { status: response.status, detail };
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}

it('SIGUSR1 opens no debugger, by which every user of the machine would be the router', async () => {
  await using directory = await tempDirectory();
  await using router = await startRouter({ directory: directory.path });
  router.signal('SIGUSR1');
  await runCommand(['workers', 'replace', '--wait', '--admin', router.admin]);
  expect((await router.stop()).output).not.toContain('Debugger');
});
