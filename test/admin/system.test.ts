import { describe, expect, it } from 'vitest';
import { scene } from './scene.ts';

describe('actors', () => {
  const info = (n: number) => ({
    id: `pool:p${n}`,
    kind: 'pool',
    state: 'running' as const,
    restarts: n,
    sinceMs: 1,
  });

  it('come in pages of the tree', async () => {
    const asked: object[] = [];
    await using s = await scene({
      actors: (page) => {
        asked.push(page);
        return { actors: [info(1)], next: '0.3' };
      },
    });
    expect((await s.client.get('/v1/actors')).body).toEqual({ items: [info(1)], next: '0.3' });
    await s.client.get('/v1/actors?after=0.3&limit=2');
    expect(asked).toEqual([{ limit: 1000 }, { limit: 2, after: '0.3' }]);
  });

  it('are the last page when there is no next', async () => {
    await using s = await scene();
    expect((await s.client.get('/v1/actors')).body).toEqual({ items: [], next: null });
  });

  it.each(['after=x', 'after=1..2', 'after=', 'limit=0', 'limit=10001'])(
    'asked for with %s are refused',
    async (query) => {
      await using s = await scene();
      expect((await s.client.get(`/v1/actors?${query}`)).status).toBe(400);
    },
  );
});

describe('chaos', () => {
  it('does not exist without --chaos', async () => {
    await using s = await scene();
    expect(await s.client.post('/v1/chaos', { crash: 'pool:web' })).toMatchObject({
      status: 404,
      body: { type: 'path_unknown' },
    });
  });

  it('makes an actor fail, at once or at a point, if there is such a one', async () => {
    const wishes: object[] = [];
    await using s = await scene({
      chaos: (wish) => {
        wishes.push(wish);
        return ({ 'pool:web': 'done', 'pool:parked': 'not_running' } as const)[wish.crash] ?? 'unknown';
      },
    });
    expect((await s.client.post('/v1/chaos', { crash: 'pool:web' })).status).toBe(200);
    expect((await s.client.post('/v1/chaos', { crash: 'pool:web', at: 'before-append' })).status).toBe(200);
    expect(wishes).toEqual([{ crash: 'pool:web' }, { crash: 'pool:web', at: 'before-append' }]);
    expect((await s.client.post('/v1/chaos', { crash: 'pool:none' })).body).toMatchObject({
      type: 'actor_unknown',
    });
    expect((await s.client.post('/v1/chaos', { crash: 'pool:parked' })).status).toBe(409);
    for (const body of [{}, { crash: '' }, { crash: 'pool:web', at: 'never' }, { crash: 1 }]) {
      expect((await s.client.post('/v1/chaos', body)).status).toBe(400);
    }
  });
});

describe('checks', () => {
  it('are 200 while all is well and 503 otherwise', async () => {
    const check = { ok: true, detail: 'fine' };
    await using s = await scene({ health: () => ({ ...check }), ready: () => ({ ...check }) });
    for (const path of ['/healthz', '/readyz']) {
      check.ok = true;
      expect(await s.client.get(path)).toMatchObject({ status: 200, body: { ok: true, detail: 'fine' } });
      check.ok = false;
      expect(await s.client.get(path)).toMatchObject({ status: 503, body: { ok: false } });
    }
  });
});

describe('verify', () => {
  it('answers with the report, good or bad', async () => {
    await using s = await scene({ verify: async () => ({ ok: false, problems: ['event 3'] }) });
    expect(await s.client.post('/v1/verify')).toMatchObject({
      status: 200,
      body: { ok: false, problems: ['event 3'] },
    });
  });
});

describe('metrics', () => {
  it('are text, or OpenMetrics for who asks', async () => {
    await using s = await scene({
      metrics: async () => [{ name: 'switchyard_up', type: 'gauge', help: 'x', samples: [{ value: 1 }] }],
    });
    const plain = await s.client.get('/metrics');
    expect(plain).toMatchObject({ status: 200, body: expect.stringContaining('switchyard_up 1') });
    expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const open = await s.client.get('/metrics', { headers: { accept: 'application/openmetrics-text' } });
    expect(open.body).toMatch(/# EOF\n$/);
  });
});
