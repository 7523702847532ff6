import { describe, expect, it } from 'vitest';
import { type BackendId, keyOf, type PoolName } from '../../../eventlog/index.ts';
import { deskOver, type Listed, scene, withWeb } from '../scene.ts';

// Of web.1.
const ADDRESS = '127.0.0.1:9001';

type PoolBody = {
  readonly policy: string;
  readonly backends: Record<string, { readonly address: string; readonly state: string }>;
};

describe('a pool', () => {
  it('is shown whole, and changes nothing when it is put back', async () => {
    await using s = await withWeb();
    const { body, version } = await s.client.get<PoolBody>('/v1/pools/web');
    expect(body).toMatchObject({
      policy: 'least-request',
      queue: { maxWaiting: 1000, maxWaitMs: 30_000 },
      backends: { 'web.1': { address: '127.0.0.1:9001', weight: 1, maxConcurrency: null, state: 'up' } },
    });
    const before = await s.log.position();
    expect(await s.client.put('/v1/pools/web', body)).toMatchObject({
      status: 200,
      version,
      body: { changed: 0 },
    });
    expect(await s.log.position()).toBe(before);
  });

  it('keeps its backends when put without them, and has exactly those it is put with', async () => {
    await using s = await withWeb();
    await s.client.must('PUT', '/v1/pools/web', { policy: 'random' });
    expect((await s.client.get<PoolBody>('/v1/pools/web')).body).toMatchObject({
      policy: 'random',
      backends: { 'web.1': {} },
    });
    await s.client.must('PUT', '/v1/pools/web', { backends: { 'web.2': { address: 'h:1' } } });
    const { body } = await s.client.get<PoolBody>('/v1/pools/web');
    expect(body.policy).toBe('least-request');
    expect(Object.keys(body.backends)).toEqual(['web.2']);
    await s.client.must('PUT', '/v1/pools/web', { backends: {} });
    expect((await s.client.get<PoolBody>('/v1/pools/web')).body.backends).toEqual({});
  });

  it('is not made under a name that has the key of another, by whatever command', async () => {
    await using s = await scene();
    // Found among 2^28 names in ten seconds.
    const [one, other] = ['pool-y187tc', 'pool-qrh34d'];
    expect(keyOf(one)).toBe(keyOf(other));
    const clash = { status: 409, body: { type: 'pool_clash', detail: expect.stringContaining(one) } };
    const pools = { [one]: {}, [other]: {} };
    expect(await s.client.post('/v1/apply', { pools, domains: {} })).toMatchObject(clash);
    await s.client.must('PUT', `/v1/pools/${one}`, {});
    expect(await s.client.put(`/v1/pools/${other}`, {})).toMatchObject(clash);
    const line = JSON.stringify({ pool: other });
    const headers = { 'content-type': 'application/x-ndjson' };
    const imported = await fetch(`http://${s.address}/v1/import`, { method: 'POST', headers, body: line });
    expect(await imported.json()).toMatchObject({ type: 'pool_clash', line: 1 });
    await s.client.must('PUT', `/v1/pools/${one}`, { policy: 'random' });
    await s.client.must('DELETE', `/v1/pools/${one}`);
    await s.client.must('PUT', `/v1/pools/${other}`, {});
    expect((await s.client.put(`/v1/pools/${one}`, {})).status).toBe(409);
  });

  it('is not removed while a domain names it', async () => {
    await using s = await withWeb();
    const reply = await s.client.delete('/v1/pools/web');
    expect(reply).toMatchObject({ status: 409, body: { type: 'pool_in_use', domains: ['example.com'] } });
    await s.client.must('DELETE', '/v1/domains/example.com');
    expect((await s.client.delete('/v1/pools/web')).status).toBe(204);
    expect((await s.client.get('/v1/pools/web')).body).toMatchObject({ type: 'pool_not_found' });
  });

  it.each([
    [{ polcy: 'random' }, 'polcy', 'policy'],
    [{ policy: 'randm' }, 'policy', 'random'],
    [{ queue: { maxWating: 1 } }, 'queue.maxWating', 'maxWaiting'],
    [{ backends: { b: { address: 'h:1', wieght: 2 } } }, 'backends.b.wieght', 'weight'],
  ])('with %j is refused with the place and the word that was meant', async (settings, path, nearest) => {
    await using s = await withWeb();
    const reply = await s.client.put('/v1/pools/web', settings);
    const problems = [expect.objectContaining({ path, nearest })];
    expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_settings', problems } });
  });

  it('with a backend that is ourselves is refused', async () => {
    const own = { listeners: ['127.0.0.1:8080'], local: [] };
    await using s = await scene({ ownAddresses: () => own });
    const backends = { b: { address: '127.0.0.1:8080' } };
    expect((await s.client.put('/v1/pools/web', { backends })).status).toBe(400);
    expect(
      (await s.client.put('/v1/pools/web', { backends: { b: { address: '127.0.0.1:8081' } } })).status,
    ).toBe(201);
    expect((await s.client.put('/v1/pools/web/backends/b', backends.b)).status).toBe(400);
  });

  it('may be named like what every object inherits', async () => {
    await using s = await scene();
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect((await s.client.get(`/v1/pools/${name}`)).status).toBe(404);
      expect((await s.client.put(`/v1/pools/${name}`, {})).status).toBe(201);
      expect((await s.client.get(`/v1/pools/${name}/backends/${name}`)).status).toBe(404);
      expect((await s.client.put(`/v1/pools/${name}/backends/${name}`, { address: 'h:1' })).status).toBe(201);
      expect((await s.client.get(`/v1/pools/${name}/backends/${name}`)).body).toMatchObject({
        address: 'h:1',
      });
    }
  });
});

describe('a list of pools', () => {
  it('ends a page early where pools are large, and loses none', async () => {
    await using s = await scene();
    // Names of 200 characters: it is text that makes a page large, not how many backends there are.
    const address = `${'h'.repeat(50)}.${'h'.repeat(50)}.${'h'.repeat(50)}.${'h'.repeat(47)}:1`;
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`b${n}`, { address }]));
    const names = Array.from({ length: 12 }, (_, n) => `p${String(n).padStart(2, '0')}`);
    for (const name of names) await s.client.must('PUT', `/v1/pools/${name}`, { backends: many });
    const seen: string[] = [];
    let pages = 0;
    for (let after = ''; ; pages += 1) {
      const { body } = await s.client.get<Listed>(`/v1/pools?after=${after}`);
      seen.push(...body.items.map((item) => item.name));
      if (body.next === null) break;
      after = body.next;
    }
    expect(seen).toEqual(names);
    expect(pages).toBe(1);
  });

  it('crosses the rows read at once', async () => {
    await using s = await scene();
    const names = Array.from({ length: 230 }, (_, n) => `p${String(n).padStart(3, '0')}`);
    await s.client.must('POST', '/v1/apply', { pools: Object.fromEntries(names.map((name) => [name, {}])) });
    const first = await s.client.get<Listed>('/v1/pools?limit=220');
    expect(first.body.items.map((item) => item.name)).toEqual(names.slice(0, 220));
    expect(first.body.next).toBe('p219');
    const whole = await s.client.get<Listed>('/v1/pools?limit=230');
    expect(whole.body).toMatchObject({ next: null });
    expect(whole.body.items).toHaveLength(230);
  });
});

describe("a pool's ledger", () => {
  it('joins live figures with drains and quarantines in force', async () => {
    const live = { waiting: 3, backends: { 'web.1': { inFlight: 2, limit: 5, state: 'up' } } };
    await using s = await withWeb({ ledger: (pool) => (pool === 'web' ? live : undefined) });
    await s.client.must('PUT', '/v1/pools/web/backends/web.2', { address: 'h:2' });
    await s.client.must('POST', '/v1/pools/web/backends/web.2/drain', { timeoutMs: 1000 });
    const { body } = await s.client.get('/v1/pools/web/ledger');
    expect(body).toEqual({
      waiting: 3,
      inUse: true,
      backends: {
        'web.1': { inFlight: 2, limit: 5, state: 'up' },
        'web.2': { inFlight: 0, limit: null, drainUntilMs: s.clock.ms + 1000 },
      },
    });
  });

  it('says of an ejection on which route it is, and until when', async () => {
    await using s = await withWeb();
    const ejections = [{ route: 'app.test#/a', untilMs: 5000, level: 1 }];
    const health = { ejections, probes: 'passing' } as const;
    await deskOver(s.log).ask(
      {
        type: 'RecordHealth',
        pool: 'web' as PoolName,
        notes: [{ type: 'health', id: 'web.1' as BackendId, address: ADDRESS, health, withheld: [] }],
      },
      { author: 'switchyard' },
    );
    const { body } = await s.client.get('/v1/pools/web/ledger');
    expect(body).toMatchObject({ backends: { 'web.1': { inFlight: 0, ejections } } });
  });

  it('has no ejection that ends later than any could: its clock has been set back since', async () => {
    await using s = await withWeb();
    const ejected = (untilMs: number) => ({ route: '', untilMs, level: 1 });
    for (const [ms, untilMs] of [
      [60_000, s.clock.ms + 60_000],
      [60_001, 0],
    ] as const) {
      const health = { ejections: [ejected(s.clock.ms + ms)], probes: 'passing' } as const;
      const note = {
        type: 'health',
        id: 'web.1' as BackendId,
        address: ADDRESS,
        health,
        withheld: [],
      } as const;
      const command = { type: 'RecordHealth', pool: 'web' as PoolName, notes: [note] } as const;
      await deskOver(s.log).ask(command, { author: 'switchyard' });
      const { body } = await s.client.get('/v1/pools/web/ledger');
      expect(body).toMatchObject({ backends: { 'web.1': { ejections: [ejected(untilMs)] } } });
    }
  });

  it('has no quarantine that is longer than any: its clock has been set back since', async () => {
    await using s = await withWeb();
    const cause = 'connect_refused';
    for (const [ms, expected] of [
      [60_000, { quarantine: { cause, untilMs: s.clock.ms + 60_000 } }],
      [60_001, {}],
    ] as const) {
      const untilMs = s.clock.ms + ms;
      const id = 'web.1' as BackendId;
      const note = { type: 'quarantine', id, address: ADDRESS, cause, untilMs } as const;
      const command = { type: 'RecordHealth', pool: 'web' as PoolName, notes: [note] } as const;
      await deskOver(s.log).ask(command, { author: 'switchyard' });
      const { body } = await s.client.get('/v1/pools/web/ledger');
      expect(body).toMatchObject({ backends: { 'web.1': { inFlight: 0, limit: null, ...expected } } });
      expect(JSON.stringify(body).includes('quarantine')).toBe('quarantine' in expected);
    }
  });

  it('of an unused pool is all zeros, and of none 404', async () => {
    await using s = await withWeb();
    expect((await s.client.get('/v1/pools/web/ledger')).body).toEqual({
      waiting: 0,
      inUse: false,
      backends: { 'web.1': { inFlight: 0, limit: null } },
    });
    expect((await s.client.get('/v1/pools/none/ledger')).status).toBe(404);
  });
});
