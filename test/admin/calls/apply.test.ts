import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { openSqliteLog } from '../../../eventlog/index.ts';
import { HistoryThread } from '../../../src/history/index.ts';
import { startChild } from '../../support/start-child.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { type Scene, scene, withWeb } from '../scene.ts';

type Applied = {
  readonly dryRun: boolean;
  readonly position: number;
  readonly changed: number;
  readonly refused: { readonly type: string } | null;
  readonly changes: readonly { readonly kind: string; readonly name: string; readonly change: string }[];
};

type Listed = { readonly type: string; readonly problems: readonly object[] };

// Together more than a system takes for somebody who does not read.
const PAGES = 200;
// As many as a thread of history serves at once.
const READERS = 8;

const WEB = {
  pools: { web: { backends: { 'web.1': { address: '127.0.0.1:9001' } } } },
  domains: { 'example.com': { pool: 'web' } },
};

function wide(count: number) {
  const backends = Object.fromEntries(Array.from({ length: count }, (_, n) => [`b${n}`, { address: 'h:1' }]));
  return { pools: { web: { backends } }, domains: {} };
}

describe('apply', () => {
  it('changes many owners at one position, and nothing the second time', async () => {
    await using s = await scene();
    const first = await s.client.post<Applied>('/v1/apply', WEB);
    expect(first).toMatchObject({ status: 200, position: 3, body: { dryRun: false, changed: 2 } });
    expect(first.body.changes.map(({ kind, name, change }) => [kind, name, change])).toEqual([
      ['pool', 'web', 'add'],
      ['backend', 'web.1', 'add'],
      ['domain', 'example.com', 'add'],
    ]);
    const second = await s.client.post<Applied>('/v1/apply', WEB);
    expect(second).toMatchObject({ status: 200, body: { changed: 0, changes: [], position: 3 } });
  });

  it('only shows the difference in a dry run', async () => {
    await using s = await withWeb();
    const wished = { pools: { api: { policy: 'random' } }, domains: { 'example.com': { pool: 'api' } } };
    const { body } = await s.client.post<Applied>('/v1/apply?dryRun=true', wished);
    expect(body).toMatchObject({ dryRun: true, position: 3, refused: null });
    expect(body.changes.map(({ kind, name, change }) => `${change} ${kind} ${name}`)).toEqual([
      'add pool api',
      'remove pool web',
      'remove backend web.1',
      'change domain example.com',
    ]);
    expect(await s.log.position()).toBe(3);
    expect((await s.client.post<Applied>('/v1/apply', wished)).body.changes).toEqual(body.changes);
    expect((await s.client.get('/v1/pools/web')).status).toBe(404);
  });

  it('takes back what state shows, and changes nothing', async () => {
    await using s = await withWeb();
    const { body } = await s.client.get<{ pools: object; domains: object }>('/v1/state');
    const reply = await s.client.post<Applied>('/v1/apply', { pools: body.pools, domains: body.domains });
    expect(reply.body).toMatchObject({ changed: 0, changes: [] });
  });

  it('does nothing at all when one part of it is wrong', async () => {
    await using s = await withWeb();
    const wished = {
      pools: { web: {}, api: {} },
      domains: { 'a.test': { pool: 'api' }, 'b.test': { pool: 'apj' } },
    };
    const unknown = { path: 'domains["b.test"].pool', nearest: 'api' };
    for (const query of ['', '?dryRun=true']) {
      const { status, body } = await s.client.post<Listed>(`/v1/apply${query}`, wished);
      expect([status, body.type]).toEqual([409, 'pool_unknown']);
      expect(body.problems).toMatchObject([unknown]);
    }
    const wrongToo = { ...wished, pools: { ...wished.pools, 'no name': {} } };
    const { status, body } = await s.client.post<Listed>('/v1/apply', wrongToo);
    expect([status, body.type]).toEqual([400, 'invalid_settings']);
    expect(body.problems).toMatchObject([{ path: 'pools["no name"]' }, unknown]);
    expect(await s.log.position()).toBe(3);
  });

  it('refuses an empty wish, which is more likely a mistake than a wish', async () => {
    await using s = await withWeb();
    expect((await s.client.post('/v1/apply', {})).status).toBe(400);
    expect((await s.client.send('POST', '/v1/apply')).status).toBe(400);
    expect((await s.client.post('/v1/apply', { pools: {}, domains: {} })).status).toBe(200);
    expect((await s.client.get('/v1/state')).body).toMatchObject({ pools: {}, domains: {} });
  });

  it('removes ten unasked, and eleven only when allowed', async () => {
    await using s = await scene();
    await s.client.must('POST', '/v1/apply', wide(21));
    expect((await s.client.post('/v1/apply', wide(11))).status).toBe(200);
    const over = await s.client.post('/v1/apply', wide(0));
    expect(over).toMatchObject({ status: 409, body: { type: 'too_many_removals' } });
    const shown = await s.client.post<Applied>('/v1/apply?dryRun=true', wide(0));
    expect(shown.body.refused?.type).toBe('too_many_removals');
    expect(shown.body.changes).toHaveLength(11);
    expect((await s.client.post('/v1/apply?allowRemovals=10', wide(0))).status).toBe(409);
    expect((await s.client.post('/v1/apply?allowRemovals=11', wide(0))).status).toBe(200);
  });

  it('makes at most 10 000 changes', async () => {
    await using s = await scene();
    const named = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, {}]));
    const over = await s.client.post('/v1/apply', { pools: named(10_001) });
    expect(over).toMatchObject({ status: 422, body: { type: 'too_many_changes' } });
    expect(await s.log.position()).toBe(0);
    expect(await s.client.post('/v1/apply', { pools: named(10_000) })).toMatchObject({
      status: 200,
      position: 10_000,
    });
  });

  it('goes by what is in force in its turn, whatever was recorded while it waited', async () => {
    await using s = await withWeb();
    const applied = Array.from({ length: 20 }, (_, count) =>
      s.client.post<Applied>('/v1/apply?allowRemovals=100', { ...wide(count + 1), domains: {} }),
    );
    const put = Array.from({ length: 60 }, (_, count) =>
      s.client.must('PUT', '/v1/pools/web', { maxConcurrency: count + 1 }),
    );
    for (const { status, body } of await Promise.all(applied))
      expect([status, body]).toMatchObject([200, {}]);
    await Promise.all(put);
  });

  it('is carried out however slowly others read what theirs would change', async () => {
    await using stack = new AsyncDisposableStack();
    const { path: directory } = stack.use(await tempDirectory());
    const { path: scratch } = stack.use(await tempDirectory());
    stack.defer(() => void vi.unstubAllEnvs());
    vi.stubEnv('TMPDIR', scratch);
    const planner = new HistoryThread({ directory, flush: async () => {} });
    const log = openSqliteLog({ directory, now: Date.now });
    const s = stack.use(await scene({ comparer: () => planner }, log));
    const child = await startChild(planner);
    stack.defer(() => child.stop('shutdown'));
    const paged = { pool: 'web', errorPages: { error: 'x'.repeat(30_000) } };
    const more = Array.from({ length: PAGES }, (_, n) => [`d${n}.example`, paged]);
    const domains = { ...WEB.domains, ...Object.fromEntries(more) };
    await s.client.must('POST', '/v1/apply', { ...WEB, domains });
    const body = JSON.stringify(WEB);
    const head = `Host: ${s.address}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    const readers = await Promise.all(
      Array.from({ length: READERS }, async () => {
        const socket = connect(s.port, '127.0.0.1');
        stack.defer(() => void socket.destroy());
        socket.write(`POST /v1/apply?dryRun=true HTTP/1.1\r\n${head}\r\n\r\n${body}`);
        await once(socket, 'readable');
        return socket;
      }),
    );
    const applied = await s.client.post<Applied>(`/v1/apply?allowRemovals=${PAGES}`, WEB);
    expect(applied).toMatchObject({ status: 200, body: { changed: PAGES } });

    const [slow] = readers;
    let told = '';
    slow!.on('data', (bytes: Buffer) => {
      told += bytes.toString();
    });
    await expect.poll(() => told.endsWith(']}\n\r\n0\r\n\r\n')).toBe(true);
    for (const reader of readers) reader.destroy();
    await expect.poll(() => readdirSync(scratch)).toEqual([]);
  });

  it('repeated under its key answers as before, though all has changed since', async () => {
    await using s = await scene();
    const first = await s.client.post<Applied>('/v1/apply', WEB, { key: 'k' });
    await s.client.must('DELETE', '/v1/domains/example.com');
    const second = await s.client.post<Applied>('/v1/apply', WEB, { key: 'k' });
    expect(second.body).toEqual({
      dryRun: false,
      position: first.body.position,
      changed: first.body.changed,
      repeated: true,
    });
    expect((await s.client.get('/v1/domains/example.com')).status).toBe(404);
    expect((await s.client.post('/v1/apply', { pools: {} }, { key: 'k' })).status).toBe(422);
  });

  it.each([
    'dryRun=1',
    'dryRun',
    'dryrun=true',
    'allowRemovals=-1',
    'allowRemovals=all',
    'dryRun=true&dryRun=false',
  ])('with ?%s is refused before anything happens', async (query) => {
    await using s = await scene();
    expect((await s.client.post(`/v1/apply?${query}`, WEB)).status).toBe(400);
    expect(await s.log.position()).toBe(0);
  });
});

describe('state', () => {
  async function history(): Promise<Scene> {
    const s = await scene();
    await s.client.must('PUT', '/v1/pools/web', {});
    s.clock.ms += 1000;
    await s.client.must('PUT', '/v1/domains/a.test', { pool: 'web' });
    s.clock.ms += 1000;
    await s.client.must('PUT', '/v1/pools/web/backends/b', { address: 'h:1', weight: 3 });
    await s.client.must('POST', '/v1/pools/web/backends/b/drain', { timeoutMs: 10 });
    await s.client.must('DELETE', '/v1/domains/a.test');
    return s;
  }

  it('is everything in force, with what passes by itself beside it', async () => {
    await using s = await history();
    expect((await s.client.get('/v1/state')).body).toEqual({
      position: 5,
      pools: { web: { backends: { b: { address: 'h:1', weight: 3, state: 'draining' } } } },
      domains: {},
      notes: [{ pool: 'web', backend: 'b', drainUntilMs: s.clock.ms + 10 }],
    });
  });

  it('at a past position is what was in force there', async () => {
    await using s = await history();
    expect((await s.client.get('/v1/state?at=0')).body).toEqual({
      position: 0,
      pools: {},
      domains: {},
      notes: [],
    });
    expect((await s.client.get('/v1/state?at=2')).body).toMatchObject({
      position: 2,
      pools: { web: { backends: {} } },
      domains: { 'a.test': { pool: 'web' } },
    });
    expect((await s.client.get('/v1/state?at=5')).body).toEqual((await s.client.get('/v1/state')).body);
  });

  it('at a past time is what had been recorded by then', async () => {
    await using s = await history();
    expect((await s.client.get('/v1/state?at=2026-01-31T14:02:59.999Z')).body).toMatchObject({ position: 0 });
    expect((await s.client.get('/v1/state?at=2026-01-31T14:03:00Z')).body).toMatchObject({ position: 1 });
    expect((await s.client.get('/v1/state?at=2026-01-31T15:03:01+01:00')).body).toMatchObject({
      position: 2,
    });
    expect((await s.client.get('/v1/state?at=2026-01-31T15:03:01%2B01:00')).body).toMatchObject({
      position: 2,
    });
    expect((await s.client.get('/v1/state?at=2099-01-01T00:00:00Z')).body).toMatchObject({ position: 5 });
  });

  it.each(['6', '-1', 'x', '', '2026-01-31', '2026-13-31T14:03:00Z', '1e3'])(
    'at %j is refused',
    async (at) => {
      await using s = await history();
      expect(await s.client.get(`/v1/state?at=${at}`)).toMatchObject({
        status: 400,
        body: { type: 'invalid_query' },
      });
    },
  );
});
