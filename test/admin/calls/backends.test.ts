import { describe, expect, it } from 'vitest';
import { type Listed, withWeb } from '../scene.ts';

const BACKEND = '/v1/pools/web/backends/web.1';

describe('a backend', () => {
  it('comes, changes and goes, each time with its own version', async () => {
    await using s = await withWeb();
    const path = '/v1/pools/web/backends/web.2';
    expect(await s.client.put(path, { address: 'h:2' })).toMatchObject({ status: 201, version: 3 });
    expect(await s.client.put(path, { address: 'h:2', weight: 2 })).toMatchObject({
      status: 200,
      version: 4,
    });
    expect(await s.client.get(path)).toMatchObject({
      version: 4,
      body: { address: 'h:2', weight: 2, state: 'up' },
    });
    expect(await s.client.get(BACKEND)).toMatchObject({ version: 2 });
    expect((await s.client.delete(path)).status).toBe(204);
    expect((await s.client.get(path)).body).toMatchObject({ type: 'backend_not_found' });
  });

  it('of an unknown pool is 404, whatever is asked', async () => {
    await using s = await withWeb();
    const path = '/v1/pools/none/backends/b';
    const replies = [
      await s.client.get(path),
      await s.client.put(path, { address: 'h:1' }),
      await s.client.delete(path),
      await s.client.post(`${path}/drain`),
      await s.client.get('/v1/pools/none/backends'),
    ];
    for (const reply of replies)
      expect(reply).toMatchObject({ status: 404, body: { type: 'pool_not_found' } });
  });

  it('is listed in order of id, in pages', async () => {
    await using s = await withWeb();
    await s.client.must('PUT', '/v1/pools/web/backends/a', { address: 'h:1' });
    const first = await s.client.get<Listed>('/v1/pools/web/backends?limit=1');
    expect(first.body).toMatchObject({ items: [{ name: 'a', version: 3, address: 'h:1' }], next: 'a' });
    const second = await s.client.get<Listed>('/v1/pools/web/backends?limit=1&after=a');
    expect(second.body).toMatchObject({ items: [{ name: 'web.1' }], next: null });
  });

  it.each(['', 'nohost', 'h:0', 'h:65536', 'h:1:2', 'http://h:1', 'unix:relative'])(
    'at the address %j is refused',
    async (address) => {
      await using s = await withWeb();
      const problems = [expect.objectContaining({ path: 'address' })];
      const reply = await s.client.put(BACKEND, { address });
      expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_settings', problems } });
    },
  );
});

describe('draining', () => {
  it('is a state of the backend, with its moment in the ledger', async () => {
    await using s = await withWeb();
    const reply = await s.client.post(`${BACKEND}/drain`, { timeoutMs: 5000 });
    expect(reply).toMatchObject({ status: 200, version: 3, position: 4 });
    expect((await s.client.get(BACKEND)).body).toMatchObject({ state: 'draining' });
    expect((await s.client.get('/v1/pools/web/ledger')).body).toMatchObject({
      backends: { 'web.1': { drainUntilMs: s.clock.ms + 5000 } },
    });
  });

  it('takes 30 s when nothing is said, and no body at all', async () => {
    await using s = await withWeb();
    const reply = await s.client.send('POST', `${BACKEND}/drain`);
    expect(reply.status).toBe(200);
    const [event] = await s.log.read({ from: 4 });
    expect(event).toMatchObject({ type: 'BackendDrainStarted', data: { untilMs: s.clock.ms + 30_000 } });
  });

  it.each(['null', '[]', '"now"', '5'])(
    'is refused where the body is %s, and not an object',
    async (body) => {
      await using s = await withWeb();
      const reply = await s.client.send('POST', `${BACKEND}/drain`, body);
      expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_settings' } });
      expect((await s.client.get(BACKEND)).body).toMatchObject({ state: 'up' });
    },
  );

  it('asked again under its key later is the same drain', async () => {
    await using s = await withWeb();
    const first = await s.client.post(`${BACKEND}/drain`, { timeoutMs: 5000 }, { key: 'k1' });
    s.clock.ms += 2000;
    const second = await s.client.post(`${BACKEND}/drain`, { timeoutMs: 5000 }, { key: 'k1' });
    expect(second).toMatchObject({
      status: 200,
      version: first.version,
      position: first.position,
      body: first.body,
    });
    expect(await s.log.position()).toBe(4);
    const other = await s.client.post(`${BACKEND}/drain`, { timeoutMs: 6000 }, { key: 'k1' });
    expect(other).toMatchObject({ status: 422, body: { type: 'idempotency_key_reused' } });
  });

  it.each([{ timeoutMs: -1 }, { timeoutMs: 86_400_001 }, { timeoutMs: '5' }, { timeout: 1 }, []])(
    'with %j is refused',
    async (body) => {
      await using s = await withWeb();
      expect((await s.client.post(`${BACKEND}/drain`, body)).status).toBe(400);
    },
  );
});

describe('a removal that is waited for', () => {
  const WAIT = { prefer: 'wait' } as const;

  it('says how what was under way ended, where it was not yet over, and that it was waited for', async () => {
    const ends = [{ type: 'removed', finished: 2, cut: 1 } as const, undefined];
    await using s = await withWeb({ drained: async () => ends.shift() });
    const over = await s.client.delete(BACKEND, WAIT);
    expect(over).toMatchObject({ status: 200, position: 4, body: { drained: true, finished: 2, cut: 1 } });
    expect(over.headers['preference-applied']).toBe('wait');
    await s.client.must('PUT', BACKEND, { address: '127.0.0.1:9001' });
    expect(await s.client.delete(BACKEND, WAIT)).toMatchObject({ status: 202, body: { drained: false } });
    expect((await s.client.get(BACKEND)).status).toBe(404);
  });

  it('of a pool is of each backend that it had', async () => {
    const asked: string[] = [];
    const end = { type: 'removed', finished: 2, cut: 1 } as const;
    await using s = await withWeb({
      drained: async (pool, id) => {
        asked.push(`${pool}/${id}`);
        return asked.length > 2 ? undefined : end;
      },
    });
    await s.client.must('PUT', '/v1/pools/more', {
      backends: { a: { address: '127.0.0.1:9001' }, b: { address: '127.0.0.1:9002' } },
    });
    const gone = { key: 'once', ...WAIT };
    const over = await s.client.delete('/v1/pools/more', gone);
    const drained = ['a', 'b'].map((backend) => ({ pool: 'more', backend, finished: 2, cut: 1 }));
    expect(over).toMatchObject({ status: 200, position: 7, body: { position: 7, drained } });
    expect(over.headers['preference-applied']).toBe('wait');
    // The same command, whose answer was lost.
    expect(await s.client.delete('/v1/pools/more', gone)).toMatchObject({
      status: 202,
      body: { drained: false },
    });
    expect(asked).toEqual(['more/a', 'more/b', 'more/a', 'more/b']);
    expect(await s.client.delete('/v1/pools/web', WAIT)).toMatchObject({
      status: 409,
      body: { type: 'pool_in_use' },
    });
  });

  it('by an apply is of the backends that it removes, one that is there again among them', async () => {
    const end = { type: 'withdrawn', finished: 1, cut: 0 } as const;
    await using s = await withWeb({ drained: async (_, id) => (id === 'web.1' ? end : undefined) });
    await s.client.must('PUT', '/v1/pools/api', {});
    const wished = {
      pools: { web: { policy: 'random', backends: { 'web.2': { address: '127.0.0.1:9002' } } } },
      domains: {},
    };
    const over = await s.client.post('/v1/apply', wished, WAIT);
    const drained = [{ pool: 'web', backend: 'web.1', finished: 1, cut: 0, withdrawn: true }];
    expect(over).toMatchObject({ status: 200, body: { changed: 3, drained } });
  });

  it('by a rollback says so too, of a moment or of one change', async () => {
    const end = { type: 'removed', finished: 0, cut: 1 } as const;
    await using s = await withWeb({ drained: async () => end });
    const drained = [{ pool: 'web', backend: 'web.2', finished: 0, cut: 1 }];
    for (const wish of [{ to: 3 }, { change: 6 }]) {
      await s.client.must('PUT', '/v1/pools/web/backends/web.2', { address: '127.0.0.1:9002' });
      const back = await s.client.post('/v1/rollback', wish, WAIT);
      expect(back).toMatchObject({ status: 200, body: { dryRun: false, drained } });
      expect(back.headers['preference-applied']).toBe('wait');
    }
    await s.client.must('PUT', '/v1/pools/web/backends/web.2', { address: '127.0.0.1:9002' });
    expect((await s.client.must('POST', '/v1/rollback', { to: 3 })).body).not.toHaveProperty('drained');
  });

  it('is refused as any other', async () => {
    await using s = await withWeb();
    const missing = await s.client.delete('/v1/pools/web/backends/web.9', WAIT);
    expect(missing).toMatchObject({ status: 404, body: { type: 'backend_not_found' } });
    expect(await s.client.delete(BACKEND, { ...WAIT, ifMatch: 9 })).toMatchObject({ status: 412 });
  });
});
