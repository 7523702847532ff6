import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { Answer, Desk } from '../../../actors/index.ts';
import { eventually } from '../../support/eventually.ts';
import { answeredBy, scene, withWeb } from '../scene.ts';

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

describe('the process log', () => {
  it('tells of each command, by whom and of what it came to, and of no question', async () => {
    await using s = await withWeb();
    const authored = { headers: { 'switchyard-author': 'ada' } };
    await s.client.send('DELETE', '/v1/domains/example.com', undefined, authored);
    await s.client.get('/v1/domains');
    await s.client.send('PUT', '/v1/domains/b.example.com', { pool: 'none' });
    await eventually(() => s.logged.length === 4, 'a line for each of four commands');
    expect(s.logged.slice(2)).toMatchObject([
      {
        level: 'info',
        message: 'command answered',
        fields: { method: 'DELETE', url: '/v1/domains/example.com', author: 'ada', status: 204, ms: 0 },
      },
      {
        level: 'info',
        message: 'command answered',
        fields: {
          method: 'PUT',
          author: 'test',
          status: 409,
          refused: 'pool_unknown',
          detail: 'domain b.example.com names pool none, which does not exist',
        },
      },
    ]);
  });

  it('tells of a command whose client has left meanwhile', async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Answer>();
    const desk = {
      ask: () => {
        asked.resolve();
        return answered.promise;
      },
    } as unknown as Desk;
    await using s = await scene({ desk });
    const leaving = new AbortController();
    const gone = request(`http://${s.address}/v1/domains/a.example.com`, {
      method: 'DELETE',
      signal: leaving.signal,
    }).catch((error: Error) => error.name);
    await asked.promise;
    leaving.abort();
    expect(await gone).toBe('AbortError');
    await sleep(100);
    answered.resolve({ type: 'done', created: false, version: 0, position: 1, changed: 1 });
    await eventually(() => s.logged.length === 1, 'a line for it');
    expect(s.logged).toMatchObject([{ fields: { method: 'DELETE', status: 204 } }]);
  });
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
    await using s = await scene({ history: answeredBy({ ok: false, problems: ['event 3'] }) });
    expect(await s.client.post('/v1/verify')).toMatchObject({
      status: 200,
      body: { ok: false, problems: ['event 3'] },
    });
  });

  it('tells who takes lines how far it is, and the report last', async () => {
    const progress = { checking: 'events', done: 500, of: 1000 };
    await using s = await scene({ history: answeredBy({ ok: true }, [{ progress }]) });
    const headers = { accept: 'application/x-ndjson' };
    expect(await s.client.post('/v1/verify', {}, { headers })).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${JSON.stringify({ progress })}\n{"ok":true}\n`,
    });
  });

  it('answers both with the same report', async () => {
    await using s = await withWeb();
    const { body } = await s.client.post('/v1/verify');
    expect(body).toMatchObject({ ok: true, events: 3, streams: 2, findings: [] });
    const headers = { accept: 'application/x-ndjson' };
    expect(await s.client.post('/v1/verify', {}, { headers })).toMatchObject({
      body: `${JSON.stringify(body)}\n`,
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
