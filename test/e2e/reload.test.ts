/** What SIGHUP does with a file that was changed, and what it says of what it does not do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WAIT = { timeout: 20_000 };

it('applies pools and domains, and names what only a start takes up without telling the token', async () => {
  await using directory = await tempDirectory();
  await using backend = await Backend.start({ name: 'web.1' });
  const routing = (host: string) => ({
    pools: { web: { backends: { 'web.1': { address: backend.address } } } },
    domains: { [host]: { pool: 'web' } },
  });
  const config = { admin: { token: 'first-secret' }, ...routing('one.example') };
  await using router = await startRouter({ directory: directory.path, config });
  const reload = async (file: object) => {
    await writeFile(join(directory.path, 'config.json'), JSON.stringify(file));
    router.signal('SIGHUP');
  };

  await reload({ admin: { token: 'second-secret' }, drainMs: 5, ...routing('two.example') });
  await expect.poll(async () => (await ask(router.port, 'two.example')).status, WAIT).toBe(200);
  await expect
    .poll(() => router.output(), WAIT)
    .toContain('"msg":"SIGHUP: pools and domains are as in the file"');
  expect(router.output()).toContain('"settings":["admin.token","drainMs"]');
  expect(router.output()).not.toContain('second-secret');

  await reload({ ...config, domains: { 'three.example': { pool: 'nowhere' } } });
  await expect.poll(() => router.output(), WAIT).toContain('SIGHUP: nothing applied');
  expect((await ask(router.port, 'two.example')).status).toBe(200);
});

it('follows the last file, also where it is told of it while one before takes long to be read', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'config.json');
  const routing = (pool: string) => ({ pools: { a: {}, b: {}, c: {} }, domains: { 'a.example': { pool } } });
  await using router = await startRouter({ directory: directory.path, config: routing('a') });
  for (const [text, restMs] of [
    [JSON.stringify(routing('b')) + ' '.repeat(60_000_000), 600],
    [JSON.stringify(routing('c')), 0],
  ] as const) {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
    router.signal('SIGHUP');
    await pause(restMs);
  }
  const followed = () => router.output().match(/SIGHUP: pools and domains are as in the file/g)?.length;
  await expect.poll(followed, { timeout: 30_000 }).toBe(2);
  const domain = await fetch(`http://${router.admin}/v1/domains/a.example`);
  expect(await domain.json()).toMatchObject({ pool: 'c' });
});

it('goes on starting if SIGHUP and SIGUSR2 come before it has loaded anything of its own', async () => {
  await using directory = await tempDirectory();
  const signalsItself = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === './cli/index.ts') for (const name of ['SIGHUP', 'SIGUSR2']) process.kill(process.pid, name);
        return next(specifier, context);
      },
    });
    process.stdout.write('hooked\\n');`;
  await using router = await startRouter({
    directory: directory.path,
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(signalsItself)}` },
  });
  expect(router.output()).toContain('hooked');
});

it('says without an error that a reload was cut short by the end of the router', async () => {
  await using directory = await tempDirectory();
  const config = { domains: { 'a.example': { pool: 'a' } }, pools: { a: {} } };
  const life = async () => {
    await using router = await startRouter({ directory: directory.path, config });
    // Long to read: it is not done when the router has ended, unless this process stands still for longer.
    await writeFile(join(directory.path, 'config.json'), JSON.stringify(config) + ' '.repeat(60_000_000));
    router.signal('SIGHUP');
    await pause(100);
    const { code, output } = await router.stop();
    expect(code).toBe(0);
    expect(output).not.toContain('"level":"error"');
    return output;
  };
  const cutShort = '"msg":"SIGHUP: not carried out: the router ends"';
  let output = await life();
  for (let lives = 1; !output.includes(cutShort) && lives < 5; lives++) output = await life();
  expect(output).toContain(cutShort);
});

it.each(['config.json', 'token'])(
  'does not wait for somebody to write into %s where it has become a pipe',
  async (name) => {
    await using directory = await tempDirectory();
    const token = join(directory.path, 'token');
    await writeFile(token, 'secret');
    await using router = await startRouter({
      directory: directory.path,
      config: {},
      args: ['--token-file', token],
    });
    const file = join(directory.path, name);
    await rm(file);
    await once(spawn('mkfifo', [file]), 'close');
    router.signal('SIGHUP');
    await expect
      .poll(() => router.output(), WAIT)
      .toContain(`${file}: expected a file that can be read again, found a pipe`);
    expect(await router.stop()).toMatchObject({ code: 0 });
  },
);
