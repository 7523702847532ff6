/** A wish for all of the routing, however large, holds up nobody else that the router's main thread answers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const DOMAINS = 50_000;
// To read and compare so many takes a second and more; a look at the health some milliseconds. What lies between is for a busy machine.
const MOST_MS = 400;

/** Nothing of it is plain: the schema looks at each. */
function many(): string {
  const settings = { pool: 'web', headers: { response: { 'x-frame-options': 'DENY' } } };
  const domains = Array.from({ length: DOMAINS }, (_, n) => [`shop-${n}.customers.example`, settings]);
  return JSON.stringify({ pools: { web: {} }, domains: Object.fromEntries(domains) });
}

/** The longest that a look at the health took while `work` was done, in milliseconds. */
async function longestWait(router: RouterProcess, work: (client: AdminClient) => Promise<unknown>) {
  await using client = new AdminClient(router.admin);
  let [longest, isOver] = [0, false];
  const looking = (async () => {
    while (!isOver) {
      const fromMs = performance.now();
      await client.get('/healthz');
      longest = Math.max(longest, performance.now() - fromMs);
      await sleep(5);
    }
  })();
  try {
    await work(client);
  } finally {
    isOver = true;
    await looking;
  }
  return longest;
}

describe('a wish of very many domains', () => {
  it('is compared beside the admin, which answers meanwhile', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path });
    const body = many();
    const waitedMs = await longestWait(router, async (client) => {
      const reply = await client.send('POST', '/v1/apply', body);
      expect(reply).toMatchObject({ status: 422, body: { type: 'too_many_changes' } });
    });
    expect(waitedMs).toBeLessThan(MOST_MS);
  });

  it('is so in a file that is followed', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, config: {} });
    await writeFile(join(directory.path, 'config.json'), many());
    const waitedMs = await longestWait(router, async () => {
      router.signal('SIGHUP');
      await expect
        .poll(() => router.output(), { timeout: 20_000 })
        .toMatch(/expected at most 10000 changes at once.*SIGHUP: nothing applied/);
    });
    expect(waitedMs).toBeLessThan(MOST_MS);
  });
});
