/** Laws of the short ways that plain lines of a bulk take: they say what the long way says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../eventlog/events/canonical.ts';
import { EVENT_SCHEMAS } from '../eventlog/events/event-schemas.ts';
import {
  isPlainBackend,
  isPlainDomain,
  isPlainPool,
  plainData,
  poolOfPlain,
} from '../eventlog/events/plain.ts';
import { poolsNamedBy } from '../eventlog/settings/pool-of.ts';
import type { Problem } from '../src/config/problem.ts';
import { readJson } from '../src/config/read-json.ts';
import { parsePoolWish, parseRouting } from '../src/config/routing-schema.ts';
import { scanJson } from '../src/config/scan-json.ts';

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, 1, '', [], {}, 'a b', '__proto__', '"', '\\', '\ud800', 'ü', undefined),
  fc.string({ maxLength: 12 }),
);
const addresses = fc.oneof(
  fc.constantFrom(
    '127.0.0.1:9',
    'a.internal:65535',
    'a.internal:65536',
    'a:0',
    '[::1]:80',
    '127.0.0.1:8080',
    '127.1:08080',
    'localhost:8080',
    '[::ffff:7f00:1]:8080',
    'unix:/run/a:8080',
    'unix:run',
  ),
  odd,
);
const ids = fc.constantFrom('b.1', 'b.2', '7', 'constructor', '__proto__', '-b', 'ü', '');
const sometimes = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });

/** With a key more or less now and then; `undefined` is left out, as no JSON says it. */
const near = (parts: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .tuple(fc.record(parts), sometimes(fc.tuple(fc.constantFrom('weight', 'queue', '__proto__', 'x'), odd)))
    .map(([members, more]) => {
      const text = Object.entries({ ...members, ...(more === undefined ? {} : { more: undefined }) })
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
      if (more !== undefined && more[1] !== undefined)
        text.push(`${JSON.stringify(more[0])}:${JSON.stringify(more[1])}`);
      return JSON.parse(`{${text.join(',')}}`) as unknown;
    });

const backends = fc.oneof(
  { weight: 9, arbitrary: near({ address: addresses }) },
  { weight: 1, arbitrary: odd },
);
const pools = near({
  backends: fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(ids, backends, { maxKeys: 3, noNullPrototype: true }) },
    { weight: 1, arbitrary: odd },
  ),
});

describe('a plain pool', () => {
  const own = { listeners: ['127.0.0.1:8080', '0.0.0.0:9000'], local: ['127.0.0.1'] };

  it('is wished, or refused in the same words, as among all of a configuration', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(pools, odd), (raw) => {
        const alone = parsePoolWish(raw, own);
        const among = parseRouting({ pools: { p: raw } }, own);
        if (!alone.ok || !among.ok) {
          expect(alone.ok).toBe(among.ok);
          const moved = (problem: Problem) => ({
            ...problem,
            path: problem.path.replace(/^pools\.p\.?/, ''),
          });
          expect('problems' in alone && alone.problems).toEqual(
            'problems' in among && among.problems.map(moved),
          );
          return;
        }
        taken += 1;
        const [whole] = among.value.pools.values();
        expect(alone.value.settings).toEqual(whole?.settings);
        expect(alone.value.backends ?? new Map()).toEqual(whole?.backends);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});

describe('an event that is plain', () => {
  const settings = near({ pool: fc.oneof(ids, odd) });
  const cases = fc.oneof(
    fc.tuple(fc.constant('DomainCreated' as const), near({ settings: fc.oneof(settings, odd) })),
    fc.tuple(fc.constant('PoolCreated' as const), near({ settings: odd })),
    fc.tuple(
      fc.constant('BackendAdded' as const),
      near({ id: fc.oneof(ids, odd), backend: fc.oneof(backends, odd) }),
    ),
  );
  const told = { DomainCreated: isPlainDomain, PoolCreated: isPlainPool, BackendAdded: isPlainBackend };

  it('is one that its schema takes', () => {
    let plain = 0;
    fc.assert(
      fc.property(cases, ([type, data]) => {
        if (!told[type](data)) return;
        plain += 1;
        expect(EVENT_SCHEMAS[type].safeParse(data).success).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect(plain).toBeGreaterThan(50);
  });

  it('is read from its text as JSON reads it, and so is the pool of its state', () => {
    fc.assert(
      fc.property(fc.string(), fc.option(odd), fc.nat(), (pool, more, version) => {
        const data = { settings: more === null ? { pool } : { pool, routes: more } };
        const read = plainData(canonicalJson(data));
        if (read !== undefined) expect(read).toEqual(data);
        const added = {
          id: pool,
          backend: more === null ? { address: pool } : { address: pool, weight: more },
        };
        const readAdded = plainData(canonicalJson(added));
        if (readAdded !== undefined) expect(readAdded).toEqual(added);
        const state = canonicalJson({ ...data, version });
        if (poolOfPlain(state) !== undefined) expect(poolOfPlain(state)).toBe(pool);
        if (more === null) expect(poolsNamedBy('domain-a.example', state)).toEqual([pool]);
      }),
    );
    for (const data of [
      { settings: { pool: 'web' } },
      { settings: {} },
      { id: 'b.1', backend: { address: '[::1]:80' } },
    ])
      expect(plainData(canonicalJson(data))).toEqual(data);
  });
});

describe('canonical JSON', () => {
  it('is that of keys in order, however they came', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(value)).toBe(slowly(value));
      }),
      { numRuns: 1000 },
    );
  });
});

function slowly(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(slowly).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${slowly(member)}`).join(',')}}`;
}

describe('a text read as JSON', () => {
  const keys = fc.constantFrom('a', 'b', '__proto__', '\\u0061', 'a\\"');
  const { text } = fc.letrec((tie) => ({
    text: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('1', '"a"', '"\\\\"', 'null', '""', '"b', '}'),
      fc.array(tie('text'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
      fc
        .array(fc.tuple(keys, tie('text')), { maxLength: 3 })
        .map((members) => `{${members.map(([key, value]) => `"${key}": ${value}`).join(',')}}`),
    ),
  }));

  it('is refused exactly where the walk over it finds a fault or a key twice', () => {
    const seen = { good: 0, bad: 0 };
    fc.assert(
      fc.property(text as fc.Arbitrary<string>, (written) => {
        const { fault, repeated } = scanJson(written);
        const read = readJson(written);
        const good = fault === undefined && repeated.length === 0;
        seen[good ? 'good' : 'bad'] += 1;
        expect(read.ok).toBe(good);
        if (read.ok) expect(read.value).toEqual(JSON.parse(written));
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(50);
  });

  it('may be nested as deep as one likes', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(readJson(deep).ok).toBe(true);
    expect(readJson(deep.slice(1)).ok).toBe(false);
  });
});
