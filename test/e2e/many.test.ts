/** Many pools and domains, of which few are used: a slice of a million, in the time that a test has. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { runCommand, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const POOLS = 2000;
const DOMAINS = 20_000;

function lines(address: string): string {
  const pools = Array.from({ length: POOLS }, (_, index) =>
    JSON.stringify({ pool: `p${index}`, backends: { 'b.1': { address } } }),
  );
  const domains = Array.from({ length: DOMAINS }, (_, index) =>
    JSON.stringify({ domain: `d${index}.example.com`, pool: `p${index % POOLS}` }),
  );
  return `${[...pools, ...domains, '{"domain":"*.wild.example","pool":"p7"}'].join('\n')}\n`;
}

describe('many pools and domains', () => {
  it('are imported, routed when first asked for, changed, and there after a restart', {
    timeout: 120_000,
  }, async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await using other = await Backend.start({ name: 'other' });
    const file = join(directory.path, 'many.ndjson');
    await writeFile(file, lines(web.address));
    const imported = async (admin: string) => {
      const ran = await runCommand(['import', file, '--admin', admin], 60_000);
      expect(ran).toMatchObject({ code: 0 });
      return ran.output;
    };

    {
      await using router = await startRouter({ directory: directory.path });
      expect(await imported(router.admin)).toContain(`${POOLS + DOMAINS + 1} lines`);
      for (const host of ['d0.example.com', 'd19999.example.com', 'a.wild.example']) {
        expect(await ask(router.port, host)).toMatchObject({ status: 200, backend: 'web' });
      }
      expect((await ask(router.port, 'd20000.example.com')).status).toBe(404);
      expect((await ask(router.port, 'wild.example')).status).toBe(404);
      await router.stop();
    }

    await using router = await startRouter({ directory: directory.path });
    await using admin = new AdminClient(router.admin);
    const asleep = (await admin.get('/v1/actors?limit=1000')).body as { items: { id: string }[] };
    expect(asleep.items.filter(({ id }) => id.startsWith('pool:'))).toEqual([]);
    // A burst for one pool that nobody has woken yet: each is answered, by as many workers as there are.
    const burst = await Promise.all(Array.from({ length: 40 }, () => ask(router.port, 'd3.example.com')));
    expect(new Set(burst.map(({ status }) => status))).toEqual(new Set([200]));
    // Changes of who is awake, and of who is not, are in force when they are answered.
    for (const name of ['p3', 'p1999']) {
      await admin.must('PUT', `/v1/pools/${name}/backends/b.1`, { address: other.address });
      expect(await ask(router.port, `d${name.slice(1)}.example.com`)).toMatchObject({ backend: 'other' });
    }
    await admin.must('DELETE', '/v1/domains/d19999.example.com');
    expect((await ask(router.port, 'd19999.example.com')).status).toBe(404);
    await admin.must('PUT', '/v1/domains/d20000.example.com', { pool: 'p3' });
    expect(await ask(router.port, 'd20000.example.com')).toMatchObject({ status: 200, backend: 'other' });
    expect(await imported(router.admin)).toContain(', 3 of them changes');
    expect(await ask(router.port, 'd3.example.com')).toMatchObject({ status: 200, backend: 'web' });
    expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: true });
  });
});
