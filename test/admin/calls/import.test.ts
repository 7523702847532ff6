import { describe, expect, it } from 'vitest';
import { scene } from '../scene.ts';

const POOL = '{"pool":"web","backends":{"web.1":{"address":"127.0.0.1:9001"}}}';

async function post(address: string, text: string, query = '', headers: Record<string, string> = {}) {
  const response = await fetch(`http://${address}/v1/import${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'switchyard-author': 'bulk', ...headers },
    body: text,
  });
  const said = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    lines: said
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  };
}

const domain = (index: number, pool = 'web') => JSON.stringify({ domain: `d${index}.example.com`, pool });

describe('POST /v1/import', () => {
  it('answers a line for each chunk', async () => {
    await using made = await scene();
    const text = [POOL, ...Array.from({ length: 600 }, (_, index) => domain(index))].join('\n');
    const { status, type, lines } = await post(made.address, text);
    expect([status, type]).toEqual([200, 'application/x-ndjson']);
    expect(lines).toEqual([
      { from: 1, to: 500, changed: 500, position: 501 },
      { from: 501, to: 601, changed: 101, position: 602 },
    ]);
    expect((await made.log.read({ from: 602 }))[0]?.metadata.author).toBe('bulk');
  });

  it('shows a hundred problems of a line, like every other call', async () => {
    await using made = await scene();
    const { status, lines } = await post(made.address, `{${Array(2000).fill('"pool":"web"').join(',')}}`);
    expect([status, lines[0].problems.length]).toEqual([400, 100]);
  });

  it('is a problem where the first chunk is refused, and a last line where a later one is', async () => {
    await using made = await scene();
    const refused = await post(made.address, domain(1));
    expect(refused).toMatchObject({ status: 409, type: 'application/problem+json' });
    expect(refused.lines).toMatchObject([{ type: 'pool_unknown', status: 409, from: 1, to: 1, line: 1 }]);

    const text = [POOL, domain(1), domain(2), domain(3, 'nowhere'), domain(4)].join('\n');
    const { status, lines } = await post(made.address, text, '?chunk=2');
    expect(status).toBe(200);
    expect(lines).toMatchObject([
      { from: 1, to: 2, changed: 2 },
      { from: 3, to: 4, type: 'pool_unknown', status: 409, line: 4 },
    ]);
    expect(await made.log.currents({ kind: 'domain', limit: 9 })).toHaveLength(1);
  });

  it('takes a key that has room for the number of a line, and none that is longer', async () => {
    await using made = await scene();
    const under = (length: number) => post(made.address, POOL, '', { 'idempotency-key': 'k'.repeat(length) });
    expect((await under(181)).lines).toMatchObject([
      {
        type: 'invalid_header',
        status: 400,
        detail: 'Idempotency-Key: expected at most 180 characters here, found 181',
      },
    ]);
    expect(await made.log.position()).toBe(0);
    expect((await under(180)).lines).toMatchObject([{ from: 1, to: 1, changed: 1 }]);
  });

  it('goes on at a line, with the numbers of the whole file', async () => {
    await using made = await scene();
    const text = ['not looked at', POOL, domain(1)].join('\n');
    expect((await post(made.address, text, '?from=2')).lines).toMatchObject([{ from: 2, to: 3, changed: 2 }]);
    expect((await post(made.address, domain(2), '?first=1000')).lines).toMatchObject([
      { from: 1000, to: 1000 },
    ]);
    expect((await post(made.address, '{', '?first=1000')).lines[0].detail).toContain('line 1000: ');
    expect((await post(made.address, domain(2), '?chunk=1001')).status).toBe(400);
  });

  it('serves the next call on the same connection', async () => {
    await using made = await scene();
    await made.client.must('GET', '/v1/domains');
    const text = [
      POOL,
      domain(1, 'nowhere'),
      ...Array.from({ length: 5_000 }, (_, index) => domain(index)),
    ].join('\n');
    expect((await post(made.address, text, '?chunk=1')).lines).toHaveLength(2);
    expect((await post(made.address, POOL)).status).toBe(200);
  });
});
