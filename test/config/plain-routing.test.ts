import { describe, expect, it } from 'vitest';
import { parseRouting } from '../../src/config/index.ts';

const OWN = { listeners: ['127.0.0.1:8080'], local: [] };
const read = (raw: unknown) => parseRouting(raw, OWN);
/** The same wish in words that only the schema knows. */
const atLength = { maintenance: false };

function problemsOf(raw: unknown) {
  const checked = read(raw);
  return checked.ok ? [] : checked.problems.map(({ path, found }) => `${path}: ${found}`);
}

describe('what is plain of a routing', () => {
  it('comes to what the schema would have made of it', () => {
    const pools = {
      web: { backends: { 'web.1': { address: '127.0.0.1:9001' } } },
      api: { policy: 'random', backends: { 'api.1': { address: '127.0.0.1:9002', weight: 2 } } },
      idle: {},
    };
    const domains = { 'shop.example': { pool: 'web' }, 'a.example': { pool: 'api', maxInFlight: 7 } };
    const plain = read({ pools, domains });
    const told = read({
      pools: { ...pools, web: { ...pools.web, policy: 'least-request' } },
      domains: { ...domains, 'shop.example': { pool: 'web', ...atLength } },
    });
    if (!plain.ok || !told.ok) throw new Error('expected two routings');
    expect(plain.value.domains).toEqual(told.value.domains);
    expect(plain.value.pools).toEqual(told.value.pools);
    expect([...plain.value.pools.keys()].sort()).toEqual(['api', 'idle', 'web']);
  });

  it.each([
    [
      'plain and at length',
      { 'shop.example': { pool: 'web' }, 'Shop.example': { pool: 'web', ...atLength } },
    ],
    ['plain both times', { 'SHOP.example': { pool: 'web' }, 'shop.example': { pool: 'web' } }],
  ])('is there once: %s', (_, domains) => {
    expect(problemsOf({ pools: { web: {} }, domains })).toEqual([
      expect.stringMatching(/^domains\["(Shop|SHOP)\.example"\]: shop\.example a second time$/),
    ]);
  });

  it('is no way to our own listener', () => {
    const pools = { web: { backends: { 'web.1': { address: '127.0.0.1:8080' } } } };
    expect(problemsOf({ pools })).toEqual([
      'pools.web.backends["web.1"].address: 127.0.0.1:8080, which is our own listener 127.0.0.1:8080',
    ]);
  });

  it('names a pool that there is', () => {
    const domains = { 'shop.example': { pool: 'wep' }, 'a.example': { pool: 'wep', ...atLength } };
    expect(problemsOf({ pools: { web: { backends: {} } }, domains })).toEqual([
      'domains["shop.example"].pool: "wep", which does not exist',
      'domains["a.example"].pool: "wep", which does not exist',
    ]);
  });

  it('hides nothing that is wrong beside it', () => {
    const raw = JSON.parse(
      '{"pools": {"web": {}, "__proto__": {"backends": {}}}, "domains": {"a.example": {"pool": "web"}, "-": {"pool": "web"}}, "x": 1}',
    );
    expect(problemsOf(raw).map((problem) => problem.split(':')[0])).toEqual(['pools.__proto__']);
    const { ['__proto__']: _, ...pools } = raw.pools;
    expect(problemsOf({ ...raw, pools })).toEqual([expect.stringMatching(/^x/)]);
    expect(problemsOf({ pools, domains: raw.domains })).toEqual([expect.stringMatching(/^domains\["?-/)]);
  });
});
