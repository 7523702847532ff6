/** A router whose working directory is removed under it, as a deployment removes the one before. */
import { chmod, mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { COMMAND, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WAIT = { timeout: 20_000 };

it('has its threads replaced, restarted and born as before', async () => {
  await using directory = await tempDirectory();
  await using backend = await Backend.start({ name: 'web.1' });
  const release = join(directory.path, 'release');
  await mkdir(release);
  const pools = { web: { backends: { 'web.1': { address: backend.address } } } };
  await using router = await startRouter({
    directory: directory.path,
    config: { pools, domains: { 'a.example': { pool: 'web' } } },
    command: await commandIn(release, directory.path),
    args: ['--workers', '2', '--chaos'],
  });
  await using admin = new AdminClient(router.admin);
  const page = async () => (await ask(router.port, 'a.example')).status;
  expect(await page()).toBe(200);
  await rmdir(release);

  expect((await admin.post('/v1/workers/replace')).status).toBe(200);
  for (const crash of ['worker:1', 'worker:2', 'journal']) await admin.post('/v1/chaos', { crash });
  await expect.poll(page, WAIT).toBe(200);
  const sql = 'SELECT count(*) > 1 FROM v1_requests';
  await expect
    .poll(async () => (await admin.post('/v1/query', { sql })).body, WAIT)
    .toMatchObject({ rows: [[1]] });
  router.signal('SIGHUP');
  await expect.poll(() => router.output(), WAIT).toContain('SIGHUP: pools and domains are as in the file');
  expect((await router.stop()).code).toBe(0);
});

async function commandIn(at: string, directory: string): Promise<string> {
  const command = join(directory, 'started-there');
  await writeFile(command, `#!/bin/sh\ncd ${at} && exec ${COMMAND} "$@"\n`);
  await chmod(command, 0o755);
  return command;
}
