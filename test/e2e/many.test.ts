/** Many pools and domains, of which few are used: a slice of a million, in the time that a test has. */
import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { residentMb } from '../../bench/million/resident.ts';
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
  it('are imported, routed when first asked for, changed, and there after a restart', async () => {
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
    expect(await imported(router.admin)).toContain(', 3 changes,');
    expect(await ask(router.port, 'd3.example.com')).toMatchObject({ status: 200, backend: 'web' });
    expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: true });
  });

  it('are imported through a kill -9, by line, while requests find what is in force; what was used goes to sleep and wakes', {
    timeout: 240_000,
  }, async () => {
    await using directory = await tempDirectory();
    await using even = await Backend.start({ name: 'even' });
    await using odd = await Backend.start({ name: 'odd' });
    const file = join(directory.path, 'many.ndjson');
    const [first, second] = alternating(even.address, odd.address);
    await writeFile(file, first + second);
    const args = ['--workers', '2'];
    const found = new Set<number>();
    const look = async (port: number, index: number) => {
      const { status, backend } = await ask(port, `d${index}.example.com`);
      if (status === 404) expect(found.has(index), `d${index} was in force, and is not any more`).toBe(false);
      else expect([status, backend]).toEqual([200, index % 2 === 0 ? 'even' : 'odd']);
      if (status === 200) found.add(index);
      return status;
    };

    let from = 0;
    {
      await using router = await startRouter({ directory: directory.path, args });
      // Half of the file: the rest is yet to come when the router is killed, however late that is.
      const pipe = join(directory.path, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const importing = runCommand(['import', pipe, '--admin', router.admin], 60_000);
      const half = createWriteStream(pipe).on('error', () => {});
      half.write(first);
      while ((await look(router.port, DOMAINS / 4)) !== 200)
        await look(router.port, Math.floor(Math.random() * DOMAINS));
      await router.kill();
      half.end(second);
      const broken = await importing;
      expect(broken.code).toBe(1);
      from = Number(/go on with --from (\d+)/.exec(broken.output)?.[1]);
      expect(from).toBeGreaterThan(POOLS);
    }

    await using router = await startRouter({ directory: directory.path, args });
    await using admin = new AdminClient(router.admin);
    for (const index of found) expect(await look(router.port, index)).toBe(200);
    const rest = await runCommand(['import', file, '--from', String(from), '--admin', router.admin], 60_000);
    expect(rest).toMatchObject({ code: 0 });
    expect(await namesOf(admin)).toBe(DOMAINS);
    expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: true });

    const awake = async () => {
      const { body } = await admin.get<{ items: Supervised[] }>('/v1/actors?limit=100');
      return body.items.find(({ id }) => id === 'backends')?.children?.running ?? 0;
    };
    const used = Array.from({ length: 1200 }, (_, index) => index);
    while (used.length > 0)
      await Promise.all(
        used.splice(0, 50).map(async (index) => expect(await look(router.port, index)).toBe(200)),
      );
    // Of twelve hundred that were used no more than a thousand stay awake, whatever the machine's pace.
    await expect.poll(awake, { timeout: 30_000, interval: 200 }).toBeLessThanOrEqual(1000);
    for (let index = 0; index < 100; index += 1) expect(await look(router.port, index)).toBe(200);
    // A router alone takes some 200 MB, a view of everything in each thread would take as much again.
    expect(residentMb(router.pid)).toBeLessThan(450);
  });
});

type Supervised = { readonly id: string; readonly children?: { readonly running: number } };

// The command sends some megabytes at a time: with these, what comes before them.
const BLANK = `${' '.repeat(1_000_000)}\n`.repeat(5);

/** In two halves. */
function alternating(even: string, odd: string): [string, string] {
  const pools = Array.from({ length: POOLS }, (_, index) =>
    JSON.stringify({ pool: `p${index}`, backends: { 'b.1': { address: index % 2 === 0 ? even : odd } } }),
  );
  const domains = Array.from({ length: DOMAINS }, (_, index) =>
    JSON.stringify({ domain: `d${index}.example.com`, pool: `p${index % POOLS}` }),
  );
  const later = domains.splice(DOMAINS / 2);
  return [`${[...pools, ...domains].join('\n')}\n${BLANK}`, `${later.join('\n')}\n`];
}

/** How many domains its pages name, each once. */
async function namesOf(admin: AdminClient): Promise<number> {
  const names = new Set<string>();
  for (let after = ''; ; ) {
    const { body } = await admin.get<{ items: { name: string }[] }>(`/v1/domains?limit=1000${after}`);
    for (const { name } of body.items) names.add(name);
    if (body.items.length < 1000) return names.size;
    after = `&after=${body.items.at(-1)?.name}`;
  }
}
