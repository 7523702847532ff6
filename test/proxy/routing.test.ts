import { describe, expect, it } from 'vitest';
import { parseRequestId } from '../../src/proxy/index.ts';
import { eventually } from '../support/eventually.ts';
import { backendThat, GET, routed } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

describe('a request', () => {
  it('reaches a backend of its domain, and its answer the client', async () => {
    const { router, backend } = await routed(() => ok('hello', 'X-Mine: 1'));
    const client = await router.connect();
    const response = await client.request(
      'GET /a/b?c=%20d HTTP/1.1\r\nHost: App.Test:8080\r\nAccept: */*\r\n\r\n',
    );
    expect(response).toMatchObject({ status: 200, body: 'hello', complete: true });
    expect(response.headers.get('x-mine')).toBe('1');
    expect(response.headers.get('connection')).toBe('keep-alive');
    expect(response.headers.get('via')).toBe('1.1 switchyard-test');
    const [request] = backend.requests;
    expect(request).toMatchObject({ method: 'GET', target: '/a/b?c=%20d', version: 'HTTP/1.1' });
    expect(request?.headers.get('host')).toBe('App.Test:8080');
    expect(request?.headers.get('x-forwarded-for')).toBe('127.0.0.1');
    expect(request?.headers.get('x-forwarded-proto')).toBe('http');
    expect(request?.headers.get('x-forwarded-port')).toBe(`${router.port}`);
    expect(request?.headers.get('x-request-start')).toMatch(/^\d{13}$/);
    expect(parseRequestId(request?.headers.get('x-request-id') ?? '')).toMatchObject({
      worker: 1,
      sequence: 0,
    });
    expect(router.isQuiet).toBe(true);
  });

  it('and the next go over the same two connections', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    for (let i = 0; i < 5; i++) expect((await client.request(GET)).body).toBe('hello');
    expect(backend.connections.length).toBe(1);
    expect(router.plane.counters).toMatchObject({
      requests: 5,
      checkouts: 5,
      checkins: 5,
      connects: 1,
      reuses: 4,
    });
    // Before the domain is looked up, and when a backend was given.
    expect(router.fences).toBe(10);
  });

  it('goes to where the backend that it is given is by then, not to where it was when the request came', async () => {
    const { router, backend: former } = await routed(() => ok('former'));
    const { port } = await backendThat(() => ok('next'));
    router.atFence = () => {
      if (router.fences === 2) router.place('web.1', { port });
    };
    const client = await router.connect();
    expect((await client.request(GET)).body).toBe('next');
    expect(former.connections).toHaveLength(0);
  });

  it('for an unknown host gets 404 and keeps its connection', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    const response = await client.request('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n');
    expect(response.status).toBe(404);
    expect((await client.request(GET)).status).toBe(200);
  });

  it('pipelined with others is answered in order', async () => {
    const { router } = await routed((request) => ok(request.target));
    const client = await router.connect();
    client.send(['/1', '/2', '/3', '/4'].map((path) => GET.replace('/', path)).join(''));
    for (const path of ['/1', '/2', '/3', '/4']) expect((await client.response()).body).toBe(path);
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('with a body of known length, and with chunks, arrives whole', async () => {
    const { router, backend } = await routed((request) => ok(request.body));
    const client = await router.connect();
    expect(
      (await client.request('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n12345')).body,
    ).toBe('12345');
    const chunked =
      'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
    expect((await client.request(chunked)).body).toBe('abcde');
    expect(backend.connections.length).toBe(1);
  });
});
