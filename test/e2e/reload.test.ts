/** What SIGHUP does with a file that was changed, and what it says of what it does not do. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WAIT = { timeout: 10_000 };

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
