import { describe, expect, it } from 'vitest';
import { type Listed, scene, withWeb } from '../scene.ts';

describe('a domain', () => {
  it('is 201 when it is new, 200 afterwards, each with its version and position', async () => {
    await using s = await withWeb();
    const made = await s.client.put('/v1/domains/new.example.com', { pool: 'web' });
    expect(made).toMatchObject({
      status: 201,
      version: 1,
      position: 4,
      body: { version: 1, position: 4, changed: 1 },
    });
    expect(made.headers['etag']).toBe('"1"');
    await s.client.must('PUT', '/v1/pools/api', {});
    const again = await s.client.put('/v1/domains/new.example.com', { pool: 'api' });
    expect(again).toMatchObject({ status: 200, version: 2, body: { changed: 1 } });
  });

  it('changes nothing when it is put as it is', async () => {
    await using s = await withWeb();
    const before = await s.log.position();
    const { body } = await s.client.get<object>('/v1/domains/example.com');
    const reply = await s.client.put('/v1/domains/example.com', body);
    expect(reply).toMatchObject({ status: 200, version: 1, body: { changed: 0 } });
    expect(await s.log.position()).toBe(before);
  });

  it('is shown with all its settings and its version', async () => {
    await using s = await withWeb();
    const reply = await s.client.get('/v1/domains/example.com');
    expect(reply).toMatchObject({ status: 200, version: 1, body: { pool: 'web' } });
  });

  it('goes by any spelling of its name', async () => {
    await using s = await withWeb();
    expect((await s.client.get('/v1/domains/EXAMPLE.com.')).status).toBe(200);
    expect((await s.client.get('/v1/domains/%65xample.com')).status).toBe(200);
    expect((await s.client.put('/v1/domains/*', { pool: 'web' })).status).toBe(201);
    expect((await s.client.get('/v1/domains/%2A')).status).toBe(200);
    expect((await s.client.put('/v1/domains/*.example.com', { pool: 'web' })).status).toBe(201);
    expect((await s.client.put('/v1/domains/%5B::1%5D', { pool: 'web' })).status).toBe(201);
  });

  it('is gone after 204, and then 404', async () => {
    await using s = await withWeb();
    const reply = await s.client.delete('/v1/domains/example.com');
    expect(reply).toMatchObject({ status: 204, body: '', position: 4 });
    expect((await s.client.get('/v1/domains/example.com')).body).toMatchObject({
      type: 'domain_not_found',
      status: 404,
    });
    expect((await s.client.delete('/v1/domains/example.com')).body).toMatchObject({
      type: 'domain_not_found',
    });
  });

  it('may not name a pool that does not exist', async () => {
    await using s = await withWeb();
    const reply = await s.client.put('/v1/domains/example.com', { pool: 'wbe' });
    expect(reply).toMatchObject({ status: 409, body: { type: 'pool_unknown' } });
    expect((await s.client.get('/v1/domains/example.com')).body).toMatchObject({ pool: 'web' });
  });

  it.each([
    ['bad..host', 'invalid_name'],
    ['host:80', 'invalid_name'],
    ['a%2Fb', 'invalid_name'],
    [`${'a'.repeat(64)}.com`, 'invalid_name'],
    ['%E0%A4%A', 'malformed_request'],
  ])('called %s is refused', async (host, type) => {
    await using s = await scene();
    expect(await s.client.get(`/v1/domains/${host}`)).toMatchObject({ status: 400, body: { type } });
  });
});

describe('a body', () => {
  it.each([
    ['{"pool": "web"', 'malformed_json', { line: 1, column: 15 }],
    ['{"pool": "web", "pool": "api"}', 'malformed_json', { path: 'pool' }],
    ['', 'invalid_settings', { found: 'nothing' }],
    [
      '[]',
      'invalid_settings',
      { expected: expect.stringMatching(/^an object with the keys pool, routes, /) },
    ],
    ['null', 'invalid_settings', { found: 'null' }],
    ['{"pool": 7}', 'invalid_settings', { path: 'pool', found: '7' }],
    ['{"pool": "web", "polo": 1}', 'invalid_settings', { path: 'polo', nearest: 'pool' }],
    [
      '{"pool": "web", "routes": [{"match": {"pathPrefix": "/a"}}, {"match": {"pathPrefx": "/b"}}]}',
      'invalid_settings',
      { path: 'routes[1].match.pathPrefx', nearest: 'pathPrefix' },
    ],
    [
      '{"pool": "web", "routes": [{"match": {"pathPrefix": "/a"}}, {"match": {"pathRegex": "("}}]}',
      'invalid_settings',
      { path: 'routes[1].match.pathRegex' },
    ],
    ['{"pool": "web", "__proto__": {"pool": "api"}}', 'invalid_settings', { path: '__proto__' }],
    ['{"pool": "web", "constructor": 1}', 'invalid_settings', { path: 'constructor' }],
  ])('%s names the place that is wrong', async (text, type, problem) => {
    await using s = await withWeb();
    const reply = await s.client.send('PUT', '/v1/domains/example.com', text);
    const problems = [expect.objectContaining(problem)];
    expect(reply).toMatchObject({ status: 400, body: { type, status: 400, problems } });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(await s.log.position()).toBe(3);
  });

  it('nested a hundred thousand deep is refused, not fatal', async () => {
    await using s = await withWeb();
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect((await s.client.send('PUT', '/v1/domains/example.com', deep)).status).toBe(400);
    expect((await s.client.send('PUT', '/v1/domains/example.com', `{"pool":${deep}}`)).status).toBe(400);
  });

  it('that is not UTF-8 is refused', async () => {
    await using s = await withWeb();
    const reply = await fetch(`http://${s.address}/v1/domains/example.com`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(await reply.json()).toMatchObject({ type: 'malformed_json' });
  });
});

describe('a list of domains', () => {
  it('comes in pages that together are all of it, in order', async () => {
    await using s = await withWeb();
    for (const name of ['a', 'b', 'c', 'd'])
      await s.client.must('PUT', `/v1/domains/${name}.test`, { pool: 'web' });
    const first = await s.client.get<Listed>('/v1/domains?limit=3');
    expect(first.body).toMatchObject({
      items: ['a.test', 'b.test', 'c.test'].map((name) => ({ name, version: 1, pool: 'web' })),
      next: 'c.test',
    });
    const second = await s.client.get<Listed>(`/v1/domains?limit=3&after=${first.body.next}`);
    expect(second.body.items.map((item) => item.name)).toEqual(['d.test', 'example.com']);
    expect(second.body.next).toBe(null);
  });

  it('has no next page when the last one is just full', async () => {
    await using s = await withWeb();
    expect((await s.client.get('/v1/domains?limit=1')).body).toMatchObject({ next: null });
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'limit=-1', 'limit=', 'limit=1&limit=2', 'lmit=1'])(
    'asked for with %s is refused',
    async (query) => {
      await using s = await scene();
      expect(await s.client.get(`/v1/domains?${query}`)).toMatchObject({
        status: 400,
        body: { type: 'invalid_query' },
      });
    },
  );

  it('ends a page early where domains are large', async () => {
    await using s = await withWeb();
    const errorPages = { error: 'x'.repeat(60_000), maintenance: 'x'.repeat(60_000) };
    for (let n = 0; n < 12; n += 1)
      await s.client.must('PUT', `/v1/domains/large${n}.example.com`, { pool: 'web', errorPages });
    const seen: string[] = [];
    const pages: number[] = [];
    for (let after = ''; ; ) {
      const { items, next } = (await s.client.get<Listed>(`/v1/domains?limit=1000&after=${after}`)).body;
      seen.push(...items.map(({ name }) => name));
      pages.push(items.length);
      if (next === null) break;
      after = next;
    }
    expect(pages).toHaveLength(2);
    expect(new Set(seen).size).toBe(13);
    expect(seen).toHaveLength(13);
  });

  it('accepts the bounds of limit', async () => {
    await using s = await scene();
    expect((await s.client.get('/v1/domains?limit=1')).status).toBe(200);
    expect((await s.client.get('/v1/domains?limit=1000')).status).toBe(200);
  });

  it.each(['Host', 'Content_Length', 'transfer_Encoding'])(
    'does not say %s in the place of the router',
    async (name) => {
      await using s = await withWeb();
      const settings = { pool: 'web', headers: { request: { [name]: '5' } } };
      const reply = await s.client.put('/v1/domains/example.com', settings);
      expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_settings' } });
    },
  );
});
