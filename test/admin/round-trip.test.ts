import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Scene, scene } from './scene.ts';

const ms = fc.integer({ min: 1, max: 86_400_000 });
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const identifier = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

const backend = fc.record(
  {
    address: fc.constantFrom('127.0.0.1:1', '[::1]:65535', 'a-b.c:80', 'unix:/run/x.sock'),
    weight: fc.integer({ min: 1, max: 1000 }),
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 })),
    state: fc.constantFrom('up', 'starting', 'draining'),
  },
  { requiredKeys: ['address'] },
);

const pool = fc.record(
  {
    policy: fc.constantFrom('least-request', 'round-robin', 'random'),
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 })),
    queue: fc.record({ maxWaiting: fc.nat(1_000_000), maxWaitMs: ms }, { requiredKeys: [] }),
    whenEmpty: fc.constantFrom('refuse', 'hold'),
    timeouts: fc.record({ connectMs: ms, firstByteMs: ms, idleMs: ms }, { requiredKeys: [] }),
    retries: fc.record({ attempts: fc.integer({ min: 1, max: 16 }), totalMs: ms }, { requiredKeys: [] }),
    health: fc.record(
      { passive: fc.record({ quarantineMs: ms }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    ),
    limits: fc.record({ idlePerBackend: fc.nat(1000) }, { requiredKeys: [] }),
    backends: some(fc.dictionary(identifier, backend, { maxKeys: 4, noNullPrototype: true })),
  },
  { requiredKeys: [] },
);

let s: Scene;
beforeAll(async () => {
  s = await scene();
});
afterAll(() => s[Symbol.asyncDispose]());

async function staysThroughReading(path: string, wished: object): Promise<void> {
  await s.client.must('PUT', path, JSON.parse(JSON.stringify(wished)));
  const got = await s.client.must<object>('GET', path);
  expect(got.body).toMatchObject(JSON.parse(JSON.stringify(wished)));
  const before = await s.log.position();
  const again = await s.client.must('PUT', path, got.body);
  expect(again).toMatchObject({ status: 200, version: got.version, body: { changed: 0 } });
  expect(await s.log.position()).toBe(before);
  expect((await s.client.must('GET', path)).body).toEqual(got.body);
}

it('holds for any pool: what is put is got, and what is got may be put back and changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(identifier, pool, (name, wished) => staysThroughReading(`/v1/pools/${name}`, wished)),
    { numRuns: 100 },
  );
});

it('holds for any backend', async () => {
  await s.client.must('PUT', '/v1/pools/of-backends', {});
  await fc.assert(
    fc.asyncProperty(identifier, backend, (id, wished) =>
      staysThroughReading(`/v1/pools/of-backends/backends/${id}`, wished),
    ),
    { numRuns: 100 },
  );
});

it('holds for the whole state, taken by apply', async () => {
  const { body } = await s.client.must<{ pools: object; domains: object }>('GET', '/v1/state');
  const applied = await s.client.must('POST', '/v1/apply', { pools: body.pools, domains: body.domains });
  expect(applied.body).toMatchObject({ changed: 0, changes: [] });
});
