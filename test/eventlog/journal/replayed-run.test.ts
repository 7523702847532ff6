/** A run under load, with workers, owners and the journal itself crashing, is in its journal whole: every decision again. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openJournalReader } from '../../../eventlog/index.ts';
import { AdminClient } from '../../support/admin-client.ts';
import { Backend } from '../../support/backend.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/load.ts';
import { runCommand, startRouter } from '../../support/router-process.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { leasesOf, replayPool } from './replay.ts';

const SECONDS = Number(process.env['JOURNAL_RUN_SECONDS'] ?? 6);
const PER_SECOND = Number(process.env['JOURNAL_RUN_RATE'] ?? 1500);
const WORKERS = process.env['JOURNAL_RUN_WORKERS'] ?? '2';
// All of its settings, each time: a PUT says them whole.
const FEW = { policy: 'random', maxConcurrency: 1 } as const;
const POOLS = ['web', 'api', 'few'] as const;
const POINTS = ['before-append', 'after-append', 'before-publish', 'in-ledger', 'in-activation'];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a run under load with everything crashing', () => {
  it(
    'can be decided again from its journal, every operation, without a gap',
    async () => {
      await using directory = await tempDirectory();
      await using stack = new AsyncDisposableStack();
      const backends: Backend[] = [];
      for (const name of ['b.1', 'b.2', 'b.3', 'b.4']) {
        const backend = stack.use(await Backend.start({ name }));
        backend.behave = () => ({ type: 'answer', delayMs: 3 });
        backends.push(backend);
      }
      const members = Object.fromEntries(backends.map(({ name, address }) => [name, { address }]));
      const router = await startRouter({
        directory: directory.path,
        args: ['--chaos', '--workers', WORKERS],
        config: {
          accessLog: false,
          pools: {
            web: { backends: members },
            api: { policy: 'round-robin', backends: { ...members, 'b.2': { ...members['b.2'], weight: 3 } } },
            few: { ...FEW, queue: { maxWaiting: 4 }, backends: members },
          },
          domains: Object.fromEntries(POOLS.map((pool) => [`${pool}.example`, { pool }])),
        },
      });
      stack.use(router);
      const admin = stack.use(new AdminClient(router.admin));
      const hosts = POOLS.map((pool) => `${pool}.example`);
      const common = { port: router.port, hosts, whenRefused: 'retry' } as const;
      const staying = stack.use(startLoad({ ...common, connections: 24, perSecond: PER_SECOND }));
      // Those that stay end up with the worker that died last: these are spread over both.
      const fields = ['Connection: close'];
      const coming = stack.use(startLoad({ ...common, connections: 12, perSecond: PER_SECOND / 3, fields }));
      await overflow(admin, backends, staying);
      await makeTrouble(admin, backends);
      await Promise.all([staying.completes(50), coming.completes(50)]);
      const completed = (await staying.stop()).completed + (await coming.stop()).completed;
      // While it runs, on the thread of history.
      const live = await admin.must('POST', '/v1/replay', { verify: true });
      expect(live.body).toMatchObject({ ok: true, gaps: [], recordedGaps: [], skipped: 0 });
      expect((await router.stop()).code).toBe(0);
      const proven = await runCommand([
        'replay',
        '--verify',
        '--data',
        join(directory.path, 'data'),
        '--json',
      ]);
      expect(JSON.parse(proven.output)).toMatchObject({
        ok: true,
        pools: POOLS.length,
        gaps: [],
        recordedGaps: [],
        skipped: 0,
        differences: [],
      });
      expect(proven.code).toBe(0);

      const damage: unknown[] = [];
      const reader = openJournalReader(join(directory.path, 'data'), {
        damaged: (path, error) => damage.push(path, error),
      });
      stack.defer(() => reader.close());
      expect(reader.gaps()).toEqual([]);
      const requests = [...reader.requests()];
      expect(damage).toEqual([]);
      expect(requests.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(completed);
      expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
      const ops = new Set<string>();
      let checkpoints = 0;
      let leases = 0;
      for (const pool of POOLS) {
        const replayed = replayPool(reader, pool);
        for (const op of Object.keys(replayed.counts)) ops.add(op);
        checkpoints += replayed.checkpoints;
        for (const request of requests) {
          if (request.pool?.name === pool) leases += leasesOf(request, replayed.records);
        }
      }
      expect(damage).toEqual([]);
      expect(leases).toBeGreaterThanOrEqual(completed);
      expect(checkpoints).toBeGreaterThan(SECONDS * 2);
      expect([...ops]).toEqual(
        expect.arrayContaining([
          'start',
          'row',
          'settings',
          'checkout',
          'enqueue',
          'grant',
          'refuse',
          'checkin',
          'quarantine',
          'reap',
        ]),
      );
    },
    (SECONDS + 180) * 1000,
  );
});

/** More ask at once than `few` takes and than may wait there, however quick the machine is, until somebody is refused. */
async function overflow(admin: AdminClient, backends: readonly Backend[], load: Load): Promise<void> {
  await admin.must('PUT', '/v1/pools/few', { ...FEW, queue: { maxWaiting: 0 } });
  for (const backend of backends) backend.behave = () => ({ type: 'answer', delayMs: 50 });
  const isRefused = () => load.figures().failures.some(({ reason }) => reason.endsWith('H11'));
  await eventually(isRefused, 'somebody to be refused by few', 20_000);
  for (const backend of backends) backend.behave = () => ({ type: 'answer', delayMs: 3 });
}

/** Crashes of every kind, a backend that comes and goes, and commands, for so many seconds. */
async function makeTrouble(admin: AdminClient, backends: readonly Backend[]): Promise<void> {
  const until = performance.now() + SECONDS * 1000;
  // So many that each kind of it has been, however long they take.
  for (let round = 0; round < 20 || performance.now() < until; round++) {
    const [, flapping, moved] = backends;
    if (round % 10 === 3) await admin.post('/v1/chaos', { crash: `worker:${1 + ((round / 10) & 1)}` });
    // Once it dies too often it is restarted late, and what then overflows is a gap by right.
    if (round % 12 === 5 && round < 40) await admin.post('/v1/chaos', { crash: 'journal' });
    if (round % 9 === 4) await flapping?.refuse();
    if (round % 9 === 7) await flapping?.accept();
    const at = POINTS[round % POINTS.length];
    await admin.post('/v1/chaos', { crash: `pool:${POOLS[round % POOLS.length]}`, at });
    const path = '/v1/pools/web/backends/b.3';
    if (round % 2 === 0) await admin.delete(path);
    else await admin.put(path, { address: moved?.address, maxConcurrency: 2 + (round % 3) });
    await admin.put('/v1/pools/few', { ...FEW, queue: { maxWaiting: 3 + (round % 3) } });
    await sleep(100);
  }
}
