/** The journal of a real router: what a kill -9 costs, and that routing does not care how the journal fares. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JournalReader, openJournalReader } from '../../eventlog/index.ts';
import { AdminClient } from '../support/admin-client.ts';
import { Backend } from '../support/backend.ts';
import { pause } from '../support/eventually.ts';
import { startLoad, summary } from '../support/load.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const HOST = 'app.example';
const PER_SECOND = 1000;
const WAIT = { timeout: 20_000 };

function configFor(backend: Backend, more: object = {}): object {
  return {
    accessLog: false,
    pools: { web: { backends: { 'web.1': { address: backend.address } } } },
    domains: { [HOST]: { pool: 'web' } },
    ...more,
  };
}

function loadOn(router: RouterProcess) {
  return startLoad({ port: router.port, connections: 8, hosts: [HOST], perSecond: PER_SECOND });
}

async function metricsOf(router: RouterProcess): Promise<string> {
  await using admin = new AdminClient(router.admin);
  return (await admin.get<string>('/metrics')).body;
}

function reading<T>(directory: string, read: (reader: JournalReader) => T): T {
  const reader = openJournalReader(join(directory, 'data'));
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}

function lastEnd(directory: string): number {
  return reading(directory, (reader) =>
    Math.max(0, ...[...reader.requests()].map(({ endedAtMs }) => endedAtMs)),
  );
}

describe('a kill -9', () => {
  it('costs the journal the last tenth of a second at most, and the next start says so', async () => {
    await using directory = await tempDirectory();
    await using backend = await Backend.start({ name: 'web.1' });
    const lostMs: number[] = [];
    const killedAtMs: number[] = [];
    const goneAtMs: number[] = [];
    // One of many: this machine has other work too, and a thread that is not given a processor writes nothing.
    for (let life = 0; life < 3 || (life < 12 && Math.min(...lostMs) >= 100); life++) {
      await using router = await startRouter({ directory: directory.path, config: configFor(backend) });
      await using load = loadOn(router);
      await load.completes(400);
      const last = () => lastEnd(directory.path);
      // Right after the journal was written, and a tenth of a second: what is not written by then is not little by luck.
      const before = last();
      await expect.poll(last, { ...WAIT, interval: 5 }).toBeGreaterThan(before);
      await pause(100);
      killedAtMs.push(Date.now());
      await router.kill();
      // This process may have stood still just before: then it went on for a while.
      goneAtMs.push(Date.now());
      void load.stop();
      lostMs.push(killedAtMs.at(-1)! - last());
    }
    await using router = await startRouter({ directory: directory.path, config: configFor(backend) });
    const gaps = () => reading(directory.path, (reader) => reader.gaps());
    await expect.poll(() => gaps().map(({ cause }) => cause), WAIT).toEqual(lostMs.map(() => 'stopped'));
    gaps().forEach((gap, life) => {
      expect(gap.fromMs).toBeLessThan(goneAtMs[life]! + 1);
      expect(gap.toMs).toBeGreaterThan(killedAtMs[life]!);
    });
    expect(Math.min(...lostMs), lostMs.join(' ')).toBeLessThan(100);
    expect((await router.stop()).code).toBe(0);
  });
});

describe('routing', () => {
  it('goes on when the journal cannot be written, and the journal when it can', async () => {
    await using directory = await tempDirectory();
    await using backend = await Backend.start({ name: 'web.1' });
    const place = join(directory.path, 'data', 'journal');
    await mkdir(join(directory.path, 'data'));
    writeFileSync(place, 'in the way');
    await using router = await startRouter({ directory: directory.path, config: configFor(backend) });
    await using load = loadOn(router);
    await load.completes(1500);
    await expect.poll(() => metricsOf(router), WAIT).toMatch(/^switchyard_journal_failing 1$/m);
    const told = () => router.output().match(/the journal in .* cannot be written/g);
    await expect.poll(told, WAIT).toHaveLength(1);
    rmSync(place);
    await load.completes(1000);
    await expect.poll(() => metricsOf(router), WAIT).toMatch(/^switchyard_journal_failing 0$/m);
    await load.completes(500);
    const figures = await load.stop();
    expect(summary(figures)).toBe('');
    expect((await router.stop()).code).toBe(0);
    reading(directory.path, (reader) => {
      const lost = reader.gaps().reduce((sum, { requests }) => sum + (requests ?? 0), 0);
      expect([...reader.requests()].length + lost).toBe(figures.completed);
    });
  });

  it('needs no journal, and keeps none that it was not asked for', async () => {
    await using directory = await tempDirectory();
    await using backend = await Backend.start({ name: 'web.1' });
    const config = configFor(backend, { journal: { enabled: false } });
    await using router = await startRouter({ directory: directory.path, config });
    await using load = loadOn(router);
    await load.completes(200);
    expect(summary(await load.stop())).toBe('');
    expect(await metricsOf(router)).not.toContain('switchyard_journal');
    expect(existsSync(join(directory.path, 'data', 'journal'))).toBe(false);
    expect((await router.stop()).code).toBe(0);
  });

  it('in the main thread is journalled too', async () => {
    await using directory = await tempDirectory();
    await using backend = await Backend.start({ name: 'web.1' });
    await using router = await startRouter({
      directory: directory.path,
      config: configFor(backend, { journal: { queryStrings: true } }),
      args: ['--workers', '0'],
    });
    await using load = loadOn(router);
    await load.completes(300);
    const { completed } = await load.stop();
    expect((await router.stop()).code).toBe(0);
    reading(directory.path, (reader) => {
      const requests = [...reader.requests()];
      expect(requests.filter(({ status }) => status === 200)).toHaveLength(completed);
      expect(requests[0]).toMatchObject({ worker: 0, domain: HOST, pool: { name: 'web' }, method: 'GET' });
      expect(requests[0]?.attempts[0]?.backend.name).toBe('web.1');
    });
  });
});
