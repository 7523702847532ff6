import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createMemoryLog, EventUnreadable, LogUnavailable } from '../../eventlog/index.ts';
import { ROUTES } from '../../src/admin/routes.ts';
import { type Historian, Unanswerable } from '../../src/history/index.ts';
import { eventually, pause } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { answeredBy, deskOver, scene, withWeb } from './scene.ts';

describe('a path', () => {
  it.each([
    '/',
    '/v1/',
    '/v1/nothing',
    '/v1/domains/',
    '/v1/domains/a/b',
    '//v1/domains',
    '/V1/domains',
    '/v1/chaos',
    '/v1/pools/web/',
  ])('%s is unknown', async (path) => {
    await using s = await scene();
    expect(await s.client.get(path)).toMatchObject({ status: 404, body: { type: 'path_unknown' } });
  });

  it('that is asked for what there is tells every call, and that of chaos only where it is', async () => {
    await using s = await scene();
    const { status, body } = await s.client.get('/v1');
    const { items } = body as { items: readonly { path: string }[] };
    expect({ status, items }).toMatchObject({ status: 200, items: { length: ROUTES.length - 1 } });
    expect(items).toContainEqual({ method: 'DELETE', path: '/v1/pools/{pool}/backends/{id}', query: [] });
    expect(items).toContainEqual({ method: 'GET', path: '/v1/pools', query: ['after', 'limit'] });
    expect(items.map(({ path }) => path)).not.toContain('/v1/chaos');
    await using chaotic = await scene({ chaos: () => 'done' });
    const there = (await chaotic.client.get('/v1')).body as typeof body & { items: readonly unknown[] };
    expect(there.items).toHaveLength(ROUTES.length);
  });

  it('known with another method is 405 and says which are allowed', async () => {
    await using s = await scene();
    const reply = await s.client.post('/v1/domains/a.test', {});
    expect(reply).toMatchObject({ status: 405, body: { type: 'method_not_allowed' } });
    expect(reply.headers['allow']).toBe('GET, HEAD, PUT, DELETE');
    for (const method of ['PATCH', 'OPTIONS', 'PROPFIND']) {
      expect((await fetch(`http://${s.address}/v1/apply`, { method })).status).toBe(405);
    }
  });

  it('is at most 4 096 characters', async () => {
    await using s = await scene();
    expect((await s.client.get(`/v1/domains?after=${'a'.repeat(253)}`)).status).toBe(200);
    expect((await s.client.get(`/v1/domains?after=${'a'.repeat(254)}`)).status).toBe(400);
    expect((await s.client.get(`/${'a'.repeat(4095)}`)).status).toBe(404);
    expect(await s.client.get(`/${'a'.repeat(4096)}`)).toMatchObject({
      status: 400,
      body: { type: 'malformed_request' },
    });
  });

  it('answers HEAD like GET, without the content', async () => {
    await using s = await withWeb();
    for (const path of ['/v1/domains/example.com', '/v1/domains', '/metrics', '/healthz', '/v1/state']) {
      const [get, head] = await Promise.all(
        ['GET', 'HEAD'].map((method) => fetch(`http://${s.address}${path}`, { method })),
      );
      expect(head?.status).toBe(get?.status);
      expect(head?.headers.get('etag')).toBe(get?.headers.get('etag'));
      expect(head?.headers.get('content-length')).toBe(get?.headers.get('content-length'));
      expect(await head?.text()).toBe('');
    }
    const events = await fetch(`http://${s.address}/v1/events?follow=true`, { method: 'HEAD' });
    expect(events.status).toBe(200);
    expect(await events.text()).toBe('');
  });

  it('asked by who has gone since is asked no more', async () => {
    const signals: AbortSignal[] = [];
    const never = (signal?: AbortSignal) => {
      if (signal !== undefined) signals.push(signal);
      return new Promise<never>(() => {});
    };
    const history: Historian = { ...answeredBy({}), ask: (_question, _wish, signal) => never(signal) };
    await using s = await withWeb({ history, drained: (_pool, _id, signal) => never(signal) });
    const stop = new AbortController();
    const prefer = { method: 'DELETE', headers: { prefer: 'wait' }, signal: stop.signal };
    const gone = [
      fetch(`http://${s.address}/v1/requests/1`, { signal: stop.signal }),
      fetch(`http://${s.address}/v1/pools/web/backends/web.1`, prefer),
    ].map((call) => expect(call).rejects.toThrow());
    await eventually(() => signals.length === 2, 'both to be asked');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    stop.abort();
    await Promise.all(gone);
    await eventually(() => signals.every(({ aborted }) => aborted), 'both to be ended');
  });

  it('answered at length waits for who reads, and ends with who goes', async () => {
    let pieces = 0;
    let isOver = false;
    const history: Historian = {
      ...answeredBy({}),
      async *pour() {
        try {
          for (;;) {
            pieces += 1;
            yield 'x'.repeat(65_536);
          }
        } finally {
          isOver = true;
        }
      },
    };
    const untilStill = async () => {
      for (let before = -1; pieces > before; await pause(100)) before = pieces;
    };
    await using s = await scene({ history });
    const client = connect(s.port, '127.0.0.1').pause();
    client.write('GET /v1/state HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(() => pieces > 0, 'the question');
    await untilStill();
    const unread = pieces;
    client.resume();
    await eventually(() => pieces > unread + 10, 'more of the answer');
    client.pause();
    await untilStill();
    expect(isOver).toBe(false);
    client.destroy();
    await eventually(() => isOver, 'the end of the answer');
  });

  it('answered slowly ends with who goes', async () => {
    const gone = Promise.withResolvers<void>();
    let isOver = false;
    const history: Historian = {
      ...answeredBy({}),
      async *pour() {
        try {
          yield '{';
          await gone.promise;
          for (;;) yield '}';
        } finally {
          isOver = true;
        }
      },
    };
    await using s = await scene({ history });
    const stop = new AbortController();
    await fetch(`http://${s.address}/v1/state`, { signal: stop.signal });
    stop.abort();
    await pause(50);
    gone.resolve();
    await eventually(() => isOver, 'the end of the answer');
  });

  it('answered to HEAD holds nothing of what it would have told', async () => {
    const asked: string[] = [];
    const ended: string[] = [];
    const history: Historian = {
      ...answeredBy({}),
      async *pour(question) {
        asked.push(question);
        try {
          yield '{';
          yield '}';
          return undefined as never;
        } finally {
          ended.push(question);
        }
      },
    };
    await using s = await scene({ history });
    for (const path of ['/v1/state', '/v1/diff?from=0', '/v1/events?grep=x'])
      expect((await fetch(`http://${s.address}${path}`, { method: 'HEAD' })).status).toBe(200);
    expect(asked).toEqual(['state', 'difference', 'events']);
    expect(ended).toEqual(asked);
  });

  it('refuses query keys that its route does not know', async () => {
    await using s = await withWeb();
    for (const { method, pattern } of ROUTES.filter(({ pattern: [, noun] }) => noun !== 'chaos')) {
      const path = `/${pattern.map((part) => (part.startsWith(':') ? 'web' : part)).join('/')}`;
      const reply = await s.client.send(method, `${path}?surprise=1`);
      expect([path, reply.status, reply.body]).toMatchObject([path, 400, { type: 'invalid_query' }]);
    }
  });
});

describe('a fault', () => {
  it('in a handler is a 500 without its text, logged with it, and ends nothing', async () => {
    await using s = await scene({
      actors: () => {
        throw new Error('secret detail');
      },
    });
    const reply = await s.client.get('/v1/actors');
    expect(reply).toMatchObject({ status: 500, body: { type: 'internal_error' } });
    expect(JSON.stringify(reply.body)).not.toMatch(/secret|\.ts/);
    expect(s.logged).toMatchObject([
      { level: 'error', fields: { err: { message: 'secret detail' }, url: '/v1/actors' } },
    ]);
    expect((await s.client.get('/v1/domains')).status).toBe(200);
  });

  it.each([
    [new LogUnavailable('log_locked', 'held by another'), 503, 'log_unavailable'],
    [new LogUnavailable('log_full', 'disk full'), 507, 'log_full'],
    [new EventUnreadable(7, 'pool-web', 'hash differs'), 503, 'unreadable'],
  ])('of the log, %s, is answered %i', async (error, status, type) => {
    const log = createMemoryLog({ now: Date.now });
    const failing = Object.assign(Object.create(log), { current: () => Promise.reject(error) });
    await using s = await scene({ log: failing });
    expect(await s.client.get('/v1/domains/a.test')).toMatchObject({
      status,
      body: { type, detail: error.message },
    });
  });

  it('of an owner or the disk refuses the command and says when to come again', async () => {
    const log = createMemoryLog({ now: Date.now });
    const rejections = [
      { type: 'owner_unavailable', detail: 'pool-web is being restarted', retryAfterMs: 1500 } as const,
      { type: 'log_full', detail: 'no room' } as const,
      { type: 'log_unavailable', detail: 'locked' } as const,
    ];
    const desk = {
      ...deskOver(log),
      ask: async () => ({ type: 'rejected' as const, rejection: rejections.shift()! }),
    };
    await using s = await scene({ desk: desk as never }, log);
    const replies = [];
    for (let n = 0; n < 3; n += 1) replies.push(await s.client.put('/v1/pools/web', {}));
    expect(replies.map((reply) => [reply.status, reply.headers['retry-after']])).toEqual([
      [503, '2'],
      [507, '1'],
      [503, '1'],
    ]);
  });

  it.each([
    ['history_busy', 503, '1'],
    ['history_unavailable', 503, '1'],
    ['request_unknown', 404, undefined],
  ] as const)(
    'of a question, %s, is answered %i, and says whether to ask again',
    async (word, status, again) => {
      const history = { ask: async () => Promise.reject(new Unanswerable(word, 'no answer')) };
      await using s = await scene({ history: history as never });
      const reply = await s.client.get('/v1/requests/r');
      expect([reply.status, reply.headers['retry-after']]).toEqual([status, again]);
      expect(reply.body).toMatchObject({ type: word, detail: 'no answer' });
    },
  );
});

describe('the listener', () => {
  it('says which address it got', async () => {
    await using s = await scene();
    expect(s.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(s.port).toBeGreaterThan(0);
  });

  it('beyond loopback wants a token', async () => {
    await using s = await scene();
    await using guarded = await scene({ token: 'x' });
    for (const address of ['0.0.0.0:0', '[::]:0', '10.1.2.3:0']) {
      await expect(s.admin.listen(address)).rejects.toMatchObject({ code: 'address_exposed' });
    }
    expect(guarded.address).toBeDefined();
  });

  it('tells a port in use from an address that is none of ours', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { createAdmin } = await import('../../src/admin/index.ts');
    await using s = await scene();
    const options = { token: 'x', names: [], logger: { info() {}, warn() {}, error() {} } };
    const ports = { desk: deskOver(s.log), log: s.log } as never;
    const admin = () => createAdmin({ ...(ports as object), ...options } as never);
    await expect(admin().listen(`127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'address_in_use' });
    await expect(admin().listen('192.0.2.1:0')).rejects.toMatchObject({ code: 'address_unavailable' });
    await expect(admin().listen('nonsense')).rejects.toMatchObject({ code: 'address_invalid' });
    other.close();
  });

  it('answers what is no HTTP with a 400 or a 431 and hangs up', async () => {
    await using s = await scene();
    for (const [text, status] of [
      ['nonsense\r\n\r\n', 400],
      [`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
      [
        'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
        400,
      ],
    ] as const) {
      const client = await RawClient.connect(s.port);
      client.socket.write(text);
      await client.until(() => client.ended || client.closed, 'the end');
      expect(client.received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      client.socket.destroy();
    }
    expect((await s.client.get('/healthz')).status).toBe(200);
  });

  it('closes with a follower and an idle connection open, at once', async () => {
    const tookMs = async () => {
      const s = await scene();
      const follower = await fetch(`http://${s.address}/v1/events?follow=true`);
      const body = follower.text();
      await s.client.get('/healthz');
      const startedAt = performance.now();
      await s[Symbol.asyncDispose]();
      const endedAt = performance.now();
      expect(await body).toBe('');
      return endedAt - startedAt;
    };
    // Those whom it lets finish have two seconds. Once is enough: a machine may be busy just then.
    await expect.poll(tookMs, { interval: 0 }).toBeLessThan(1500);
  });

  it('closes when what is being told has its end, or cuts what has none in a moment, and passes no part off as whole', async () => {
    const more = Promise.withResolvers<void>();
    const history: Historian = {
      ask: async () => ({}) as never,
      async *pour(_question, wish) {
        yield '{"position":';
        // Of the one that asks for lines there is no more.
        await ('asLines' in wish && wish.asLines ? new Promise(() => {}) : more.promise);
        yield '1}';
        return undefined as never;
      },
    };
    const s = await scene({ history });
    const [told, cut] = await Promise.all(
      ['application/json', 'application/x-ndjson'].map((accept) =>
        fetch(`http://${s.address}/v1/state`, { headers: { accept } }),
      ),
    );
    const texts = [told!.text(), cut!.text().catch((error: Error) => error.name)];
    const closed = s.admin.close();
    more.resolve();
    expect(await Promise.all(texts)).toEqual(['{"position":1}\n', 'TypeError']);
    await closed;
    await s[Symbol.asyncDispose]();
  });
});
