import { describe, expect, it } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { tamper } from '../support/tamper.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { scene, withWeb } from './scene.ts';

const DOMAIN = '/v1/domains/example.com';

describe('If-Match', () => {
  it('lets the expected version through and tells which events were faster', async () => {
    await using s = await withWeb();
    await s.client.must('PUT', '/v1/pools/api', {});
    expect(await s.client.put(DOMAIN, { pool: 'api' }, { ifMatch: 1 })).toMatchObject({
      status: 200,
      version: 2,
    });
    const late = await s.client.put(DOMAIN, { pool: 'web' }, { ifMatch: 1 });
    expect(late).toMatchObject({
      status: 412,
      body: { type: 'version_mismatch', expected: 1, found: 2, won: [{ type: 'DomainChanged', version: 2 }] },
    });
    expect((await s.client.get(DOMAIN)).body).toMatchObject({ pool: 'api' });
    expect((await s.client.delete(DOMAIN, { ifMatch: 1 })).status).toBe(412);
    expect((await s.client.delete(DOMAIN, { ifMatch: 2 })).status).toBe(204);
  });

  it('of * wants something to be there', async () => {
    await using s = await withWeb();
    const any = { headers: { 'if-match': '*' } };
    expect(await s.client.put(DOMAIN, { pool: 'web' }, any)).toMatchObject({ status: 200, version: 1 });
    expect((await s.client.put('/v1/domains/none.test', { pool: 'web' }, any)).body).toMatchObject({
      type: 'version_mismatch',
      found: 0,
    });
    expect((await s.client.get('/v1/domains/none.test')).status).toBe(404);
    expect((await s.client.delete('/v1/domains/none.test', any)).status).toBe(412);
    const backend = (id: string) => s.client.put(`/v1/pools/web/backends/${id}`, { address: 'h:1' }, any);
    expect([(await backend('none')).status, (await backend('web.1')).status]).toEqual([412, 200]);
    expect((await s.client.put('/v1/pools/none', {}, any)).status).toBe(412);
    expect((await s.client.put('/v1/pools/web', { policy: 'random' }, any)).status).toBe(200);
  });

  it('of * asks nothing of any other owner', async () => {
    await using directory = await tempDirectory();
    const log = openSqliteLog({ directory: directory.path, now: Date.now });
    {
      await using s = await scene({}, log);
      await s.client.must('PUT', '/v1/pools/web', {});
      await s.client.must('PUT', DOMAIN, { pool: 'web' });
      await s.client.must('PUT', '/v1/domains/sick.example', { pool: 'web' });
      tamper(
        directory.path,
        "UPDATE currents SET checksum = checksum + 1 WHERE stream = 'domain-sick.example'",
      );
      const any = { headers: { 'if-match': '*' } };
      expect(await s.client.put(DOMAIN, { pool: 'web', maxInFlight: 9 }, any)).toMatchObject({ status: 200 });
    }
    await log.close();
  });

  it.each(['W/"1"', '1', '"x"', '"1", "2"', '""', '"1', '"-1"'])('of %s is refused', async (tag) => {
    await using s = await withWeb();
    const reply = await s.client.put(DOMAIN, { pool: 'web' }, { headers: { 'if-match': tag } });
    expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_header' } });
  });
});

describe('a condition', () => {
  it('that nobody would judge is refused', async () => {
    await using s = await withWeb();
    const paths = ['/v1/pools/web/backends/web.1/drain', '/v1/apply', '/v1/rollback?to=1', '/v1/import'];
    for (const path of paths)
      for (const name of ['if-match', 'if-none-match']) {
        const reply = await s.client.post(path, {}, { headers: { [name]: '"7"' } });
        expect([path, reply.status, reply.body]).toMatchObject([path, 400, { type: 'invalid_header' }]);
      }
    expect(await s.log.position()).toBe(3);
  });
});

describe('If-None-Match: *', () => {
  it('only creates', async () => {
    await using s = await withWeb();
    const none = { headers: { 'if-none-match': '*' } };
    expect((await s.client.put('/v1/domains/new.test', { pool: 'web' }, none)).status).toBe(201);
    expect((await s.client.put(DOMAIN, { pool: 'web' }, none)).status).toBe(412);
    for (const headers of [{ 'if-none-match': '"1"' }, { 'if-none-match': '*', 'if-match': '*' }])
      expect((await s.client.put(DOMAIN, { pool: 'web' }, { headers })).status).toBe(400);
  });
});

describe('Idempotency-Key', () => {
  it('makes a repeated command return its first answer', async () => {
    await using s = await withWeb();
    const first = await s.client.put('/v1/domains/new.test', { pool: 'web' }, { key: 'k' });
    await s.client.must('DELETE', '/v1/domains/new.test');
    const second = await s.client.put('/v1/domains/new.test', { pool: 'web' }, { key: 'k' });
    expect(second).toMatchObject({
      status: 201,
      version: first.version,
      position: first.position,
      body: first.body,
    });
    expect((await s.client.get('/v1/domains/new.test')).status).toBe(404);
  });

  it('used for something else is 422', async () => {
    await using s = await withWeb();
    await s.client.put('/v1/domains/new.test', { pool: 'web' }, { key: 'k' });
    const other = await s.client.put('/v1/domains/other.test', { pool: 'web' }, { key: 'k' });
    expect(other).toMatchObject({ status: 422, body: { type: 'idempotency_key_reused' } });
  });

  it('keeps no refusal: the command is decided anew', async () => {
    await using s = await withWeb();
    const any = { 'if-match': '*' };
    const backend = { address: '127.0.0.1:9009' };
    const commands = [
      ['PUT', '/v1/domains/a.test', { pool: 'late' }, {}],
      ['PUT', '/v1/domains/b.test', { pool: 'web' }, any],
      ['PUT', '/v1/pools/late/backends/late.1', backend, {}],
      ['PUT', '/v1/pools/late', { policy: 'random' }, any],
      ['POST', '/v1/pools/late/backends/late.1/drain', {}, {}],
      ['DELETE', '/v1/domains/b.test', undefined, {}],
      ['DELETE', '/v1/pools/web', undefined, {}],
    ] as const;
    const statuses = async () => {
      const all = [];
      for (const [method, path, body, headers] of commands)
        all.push((await s.client.send(method, path, body, { key: `${method}${path}`, headers })).status);
      return all;
    };
    const refused = [409, 412, 404, 412, 404, 404, 409];
    expect([await statuses(), await statuses()]).toEqual([refused, refused]);
    await s.client.must('PUT', '/v1/pools/late', { backends: { 'late.1': backend } });
    await s.client.must('PUT', '/v1/domains/b.test', { pool: 'late' });
    await s.client.must('DELETE', '/v1/domains/example.com');
    const done = [201, 200, 200, 200, 200, 204, 204];
    expect([await statuses(), await statuses()]).toEqual([done, done]);
  });

  it('has 1 to 200 visible characters', async () => {
    await using s = await withWeb();
    expect((await s.client.put(DOMAIN, { pool: 'web' }, { key: 'k'.repeat(200) })).status).toBe(200);
    for (const key of ['k'.repeat(201), 'a b', '', 'é']) {
      const reply = await s.client.put(DOMAIN, { pool: 'web' }, { key });
      expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_header' } });
    }
  });
});

describe('Switchyard-Author', () => {
  it('is recorded with the event', async () => {
    await using s = await withWeb();
    await s.client.put('/v1/pools/api', {}, { headers: { 'switchyard-author': 'Ada L. <ada@example.com>' } });
    const [event] = await s.log.read({ from: 4 });
    expect(event?.metadata.author).toBe('Ada L. <ada@example.com>');
  });

  it('is admin when nobody says', async () => {
    await using s = await withWeb();
    await fetch(`http://${s.address}/v1/domains/example.com`, { method: 'DELETE' });
    const [event] = await s.log.read({ from: 4 });
    expect(event?.metadata.author).toBe('admin');
  });

  it('has at most 100 printable characters', async () => {
    await using s = await withWeb();
    const by = (author: string) => ({ headers: { 'switchyard-author': author } });
    expect((await s.client.put('/v1/pools/a', {}, by('a'.repeat(100)))).status).toBe(201);
    expect((await s.client.put('/v1/pools/b', {}, by('a'.repeat(101)))).status).toBe(400);
    expect((await s.client.put('/v1/pools/b', {}, by('é'))).status).toBe(400);
    expect((await s.client.put('/v1/pools/b', {}, by(''))).status).toBe(400);
  });
});
