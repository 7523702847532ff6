/** Every request that ended can be explained at once, by the running router and from its data. */
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openJournalReader, type RequestRecord } from '../../eventlog/index.ts';
import type { AskedStory, RequestStory } from '../../src/history/index.ts';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { runCommand, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WAIT = { timeout: 20_000 };

type Routing = { readonly pools: object; readonly domains: object };

/** A router of one worker before two backends. */
async function scene(stack: AsyncDisposableStack, routing: (first: string, second: string) => Routing) {
  const directory = stack.use(await tempDirectory());
  const one = stack.use(await Backend.start({ name: 'web.1' }));
  const two = stack.use(await Backend.start({ name: 'web.2' }));
  const router = stack.use(
    await startRouter({
      directory: directory.path,
      args: ['--workers', '1'],
      config: { accessLog: false, ...routing(one.address, two.address) },
    }),
  );
  const admin = stack.use(new AdminClient(router.admin));
  return { data: join(directory.path, 'data'), one, two, router, admin };
}

describe('explain', () => {
  it('tells each way a request can go, at once and from data at rest', async () => {
    await using stack = new AsyncDisposableStack();
    const { data, one, two, router, admin } = await scene(stack, (first, second) => ({
      pools: {
        web: {
          maxConcurrency: 1,
          queue: { maxWaiting: 1 },
          backends: { 'web.1': { address: first }, 'web.2': { address: second } },
        },
        none: { backends: {} },
      },
      domains: { 'a.example': { pool: 'web' }, '*.b.example': { pool: 'none' } },
    }));
    const ids: string[] = [];
    for (const backend of [one, two])
      backend.onRequest = (request) => ids.push(String(request.headers['x-request-id']));
    const explain = async (id: string) =>
      (await admin.must<RequestStory>('GET', `/v1/requests/${encodeURIComponent(id)}`)).body;
    const by = (is: (request: RequestRecord) => boolean) => foundIn(data, is);

    // At once.
    expect((await ask(router.port, 'a.example', '/plain?secret=1')).status).toBe(200);
    const plain = await explain(ids[0]!);
    expect(plain).toMatchObject({
      id: ids[0],
      request: { method: 'GET', host: 'a.example', path: '/plain' },
      position: 6,
      domain: 'a.example',
      domains: [
        { name: 'a.example', verdict: 'matched' },
        { name: '*.example', verdict: 'not_reached' },
        { name: '*', verdict: 'not_reached' },
      ],
      pool: 'web',
      outcome: { type: 'responded', status: 200, blame: 'nobody' },
      changes: {
        domain: { type: 'DomainCreated', author: 'serve' },
        pool: { type: 'BackendAdded', author: 'serve' },
        last: { author: 'serve' },
      },
      notes: ['the query is not journalled (journal.queryStrings)'],
    });
    expect(plain.steps).toEqual([
      expect.objectContaining({
        type: 'leased',
        end: null,
        sight: expect.objectContaining({
          policy: 'least-request',
          draws: [{ below: 2, drawn: expect.any(Number) }],
          candidates: [
            expect.objectContaining({
              backend: 'web.1',
              address: one.address,
              inFlight: 0,
              limit: 1,
              score: 0,
            }),
            expect.objectContaining({
              backend: 'web.2',
              address: two.address,
              inFlight: 0,
              limit: 1,
              score: 0,
            }),
          ],
        }),
      }),
    ]);
    expect(plain.steps[0]?.why).toContain('tied with 1 more, chosen at random');

    // Both busy, one waits, one is turned away.
    const answers = Promise.withResolvers<void>();
    for (const backend of [one, two]) backend.behave = () => ({ type: 'answer', when: answers.promise });
    const busy = [ask(router.port, 'a.example', '/busy'), ask(router.port, 'a.example', '/busy')];
    await vi.waitFor(() => expect(one.inFlight + two.inFlight).toBe(2), WAIT);
    const waits = ask(router.port, 'a.example', '/waits');
    await vi.waitFor(
      async () => expect((await admin.get('/v1/pools/web/ledger')).body).toMatchObject({ waiting: 1 }),
      WAIT,
    );
    expect((await ask(router.port, 'a.example', '/refused')).status).toBe(503);
    answers.resolve();
    await Promise.all([...busy, waits]);
    const refused = await explain(await by(({ path }) => path === '/refused'));
    expect(refused.outcome).toMatchObject({ type: 'queue_full', code: 'H11', blame: 'router' });
    expect(refused.steps).toMatchObject([
      {
        type: 'refused',
        why: 'no backend was available, and the queue was full (2 at its limit)',
        sight: {
          waiting: 1,
          maxWaiting: 1,
          candidates: [
            { backend: 'web.1', open: false, against: 'full', inFlight: 1 },
            { backend: 'web.2', open: false, against: 'full', inFlight: 1 },
          ],
        },
      },
    ]);
    const waited = await explain(await by(({ path }) => path === '/waits'));
    expect(waited.steps.map(({ type }) => type)).toEqual(['queued', 'granted']);
    expect(waited.steps[0]?.why).toBe('no backend was available (2 at its limit); place 1 of 1 in the queue');
    expect(waited.timings.queuedMs).toBeGreaterThan(0);

    // Refused by one, served by the other.
    for (const backend of [one, two]) backend.behave = () => ({ type: 'answer' });
    await two.refuse();
    // Either may be drawn: forty draws that never meet the one that refuses do not happen.
    for (let i = 0; i < 40; i++)
      expect((await ask(router.port, 'a.example', `/tried-${i}`)).status).toBe(200);
    const failed = await explain(await by(({ attempts }) => attempts.length > 1));
    expect(failed.steps[0]).toMatchObject({ type: 'leased', backend: 'web.2', end: 'connect_refused' });
    expect(failed.steps.at(-1)).toMatchObject({ backend: 'web.1', end: null });
    const second = failed.steps.at(-1)?.sight?.candidates.find(({ backend }) => backend === 'web.2');
    expect(second).toMatchObject({ open: false, against: 'tried' });

    // No backends; no domain.
    expect((await ask(router.port, 'x.b.example')).status).toBe(503);
    const none = await explain(await by(({ host }) => host === 'x.b.example'));
    expect(none).toMatchObject({
      domain: '*.b.example',
      pool: 'none',
      steps: [{ type: 'refused', why: 'the pool had no backends' }],
      outcome: { code: 'H14' },
      domains: [
        { name: 'x.b.example', verdict: 'absent' },
        { name: '*.b.example', verdict: 'matched' },
        {},
        {},
      ],
    });
    await ask(router.port, 'nobody.test');
    const unknown = await explain(await by(({ host }) => host === 'nobody.test'));
    expect(unknown).toMatchObject({
      domain: null,
      pool: null,
      steps: [],
      outcome: { type: 'domain_unknown' },
    });
    const routes = [{ match: {}, pool: 'none' }];
    await admin.must('PUT', '/v1/domains/closed.example', { pool: 'web', maintenance: true, routes });
    await ask(router.port, 'closed.example');
    expect(await explain(await by(({ host }) => host === 'closed.example'))).toMatchObject({
      domain: 'closed.example',
      route: null,
      pool: null,
      outcome: { type: 'maintenance' },
      notes: [],
    });

    // Not there.
    const since = expect.any(String);
    expect((await admin.get('/v1/requests/what-is-this')).body).toMatchObject({
      type: 'request_unknown',
      since,
    });
    const old = `00000000-0001-8${ids[0]!.slice(15)}`;
    expect(await admin.get(`/v1/requests/${old}`)).toMatchObject({
      status: 404,
      body: { type: 'request_expired', since },
    });
    const soon = ids[0]!.replace(/............$/, 'ffffffffffff');
    expect((await admin.get(`/v1/requests/${soon}`)).body).toMatchObject({ type: 'request_unknown' });

    // At rest, in words.
    expect((await router.stop()).code).toBe(0);
    const atRest = await runCommand(['explain', refused.id, '--data', data]);
    expect(atRest.output).toContain('H11 Backlog too deep: queue full, in phase checkout');
    expect(atRest.output).toMatch(/web\.1 +127\.0\.0\.1:\d+ +1 +1 +1 +1 +full/);
    expect(atRest.code).toBe(0);
    const json = await runCommand(['explain', plain.id, '--data', data, '--json']);
    expect(JSON.parse(json.output)).toEqual(plain);
    expect(await runCommand(['explain', 'nothing', '--data', data])).toMatchObject({ code: 1 });
    const archive = ['archive', join(dirname(data), 'old.db'), '--before', '8', '--data', data];
    expect(await runCommand(archive)).toMatchObject({ code: 0 });
    const older = JSON.parse((await runCommand(['explain', plain.id, '--data', data, '--json'])).output);
    expect(older).toMatchObject({ position: 6, domain: 'a.example', outcome: plain.outcome });
    expect(older.notes).toEqual([
      'position 6 is archived: domain, route and backends are shown as of 7, where this log begins',
      'the query is not journalled (journal.queryStrings)',
      'who changed the domain, the pool and the backend last is in the archive, which has positions up to 7',
    ]);
    expect(await runCommand(['explain', '--data', data])).toMatchObject({ code: 2 });
  });
});

describe('explain of a request that is not sent', () => {
  it('tells where it would go now, where it would have gone, and why not elsewhere', async () => {
    await using stack = new AsyncDisposableStack();
    const { data, one, two, router, admin } = await scene(stack, (first, second) => ({
      pools: {
        web: { backends: { 'web.1': { address: first }, 'web.2': { address: second, weight: 2 } } },
        api: { backends: { 'api.1': { address: second } } },
      },
      domains: {
        'a.example': {
          pool: 'web',
          routes: [
            { match: { pathPrefix: '/api', headers: { 'x-beta': 'yes' } }, pool: 'api' },
            { match: { pathPrefix: '/old' }, redirect: { location: 'https://b.example/' } },
          ],
        },
      },
    }));
    const explain = async (body: object) =>
      (await admin.must<AskedStory>('POST', '/v1/explain', { host: 'a.example', ...body })).body;
    const answers = Promise.withResolvers<void>();
    for (const backend of [one, two]) backend.behave = () => ({ type: 'answer', when: answers.promise });
    const sent = [1, 2, 3].map(() => ask(router.port, 'a.example', '/slow'));
    await vi.waitFor(() => expect(one.inFlight + two.inFlight).toBe(3), WAIT);
    const now = await explain({ whyNot: 'web.1' });
    const counts = now.sight?.candidates.map(({ backend, inFlight }) => [backend, inFlight]);
    expect(counts).toEqual([
      ['web.1', one.inFlight],
      ['web.2', two.inFlight],
    ]);
    expect(now).toMatchObject({ domain: 'a.example', pool: 'web', notes: [] });
    expect(now.route).toMatchObject({
      route: -1,
      considered: [
        { verdict: 'lost', why: 'prefix' },
        { verdict: 'lost', why: 'prefix' },
      ],
    });
    answers.resolve();
    await Promise.all(sent);
    expect(await explain({ path: '/api/x', headers: { 'X-Beta': 'yes' } })).toMatchObject({
      pool: 'api',
      backend: 'api.1',
      why: 'api.1 was the only one available',
      route: { considered: expect.arrayContaining([expect.objectContaining({ verdict: 'matched' })]) },
    });
    const other = await explain({ path: '/api/x', whyNot: 'api.1' });
    expect(other).toMatchObject({ pool: 'web', whyNot: 'the pool has no backend api.1' });
    expect(await explain({ path: '/old' })).toMatchObject({ pool: null, backend: null });
    expect(await explain({ host: 'nobody.test' })).toMatchObject({
      domain: null,
      why: 'no domain serves this host: 404',
    });

    const { position: before } = await admin.must('DELETE', '/v1/pools/web/backends/web.2');
    const gone = await explain({ whyNot: 'web.2' });
    expect(gone).toMatchObject({ backend: 'web.1', whyNot: 'the pool has no backend web.2' });
    expect(gone.changes.last).toMatchObject({ type: 'BackendRemoved', author: 'test', position: before });
    const then = await explain({ at: (before ?? 0) - 1, whyNot: 'web.2' });
    expect(then.sight?.candidates.map(({ backend }) => backend)).toContain('web.2');
    expect((await admin.post('/v1/explain', { host: 'a.example', at: 99_999 })).status).toBe(400);
    expect((await admin.post('/v1/explain', {})).status).toBe(400);
    for (const path of ['api', '*'])
      expect(await admin.post('/v1/explain', { host: 'a.example', path })).toMatchObject({
        status: 400,
        body: { detail: `path: expected a path that begins with /, or * with OPTIONS, found "${path}"` },
      });
    expect(await explain({ path: '*', method: 'OPTIONS' })).toMatchObject({
      pool: 'web',
      route: { route: -1 },
    });
    expect(await admin.post('/v1/replay', {})).toMatchObject({ status: 200, body: { ok: true } });
    expect((await admin.post('/v1/replay', { pool: 'web' })).status).toBe(400);

    expect((await router.stop()).code).toBe(0);
    const words = [
      'explain',
      '--host',
      'a.example',
      '--path',
      '/api/1',
      '--header',
      'x-beta: yes',
      '--data',
      data,
    ];
    const atRest = await runCommand(words);
    expect(atRest.output).toContain('goes to  api.1: api.1 was the only one available');
    expect(
      (await runCommand(['explain', '--host', 'a.example', '--header', 'nothing', '--data', data])).code,
    ).toBe(2);
  });
});

async function foundIn(data: string, is: (request: RequestRecord) => boolean): Promise<string> {
  let id = '';
  await vi.waitFor(() => {
    const reader = openJournalReader(data);
    try {
      id = [...reader.requests()].find(is)?.id ?? '';
    } finally {
      reader.close();
    }
    expect(id).not.toBe('');
  }, WAIT);
  return id;
}
