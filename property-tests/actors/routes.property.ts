/** Laws of routes: the order of definition never matters, the most specific wins, a split keeps its shares and its keys. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAWS, NO_ROUTE, RouteMatcher, Split } from '../../actors/index.ts';
import type { PoolName, RouteMatch, RouteSettings } from '../../eventlog/index.ts';
import { parsePoolName } from '../../eventlog/index.ts';
import { compilePattern } from '../../src/config/index.ts';
import { parseDomainWish } from '../../src/config/routing-schema.ts';
import { KeyedDigest } from '../../src/proxy/keyed-digest.ts';

const segment = fc.constantFrom('a', 'b', 'ab');
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const headers = fc.dictionary(fc.constantFrom('x-a', 'X-B'), fc.constantFrom('1', '2'), { minKeys: 1 });
const whole: fc.Arbitrary<RouteMatch> = fc.record(
  {
    pathPrefix: path,
    pathRegex: fc.constantFrom('a', '^/a', 'b$', '^/(a|b)/', '/ab(/|$)'),
    methods: fc.uniqueArray(fc.constantFrom('GET', 'POST', 'PUT'), { minLength: 1 }),
    headers,
  },
  { requiredKeys: [] },
);
// Alike in all that is counted, so that only their texts tell them apart.
const alike: fc.Arbitrary<RouteMatch> = fc.constantFrom(
  { pathPrefix: '/a' },
  { pathPrefix: '/b' },
  { methods: ['GET'] },
  { methods: ['PUT'] },
  { headers: { 'x-a': '1' } },
  { headers: { 'x-b': '1' } },
);
const match = fc.oneof(whole, alike);
const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  path,
  fields: fc
    .array(fc.tuple(fc.constantFrom('X-A', 'x-b'), fc.constantFrom('1', '2')), { maxLength: 3 })
    .map((pairs) => pairs.flat()),
});

function parsed(matches: readonly RouteMatch[]): readonly RouteSettings[] {
  const wish = parseDomainWish({ pool: 'web', routes: matches.map((each) => ({ match: each })) });
  if (!wish.ok) throw new Error(JSON.stringify(wish.problems));
  return wish.value.routes ?? [];
}

/** As a reader of the documentation would decide it, one condition after the other. */
function holds(
  of: RouteMatch,
  { method, path, fields }: { method: string; path: string; fields: string[] },
): boolean {
  const prefix = (of.pathPrefix ?? '/').replace(/\/$/, '');
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return false;
  if (of.pathRegex !== undefined && !new RegExp(of.pathRegex).test(path)) return false;
  if (of.methods !== undefined && !of.methods.includes(method)) return false;
  return Object.entries(of.headers ?? {}).every(([name, value]) => {
    const lines = fields.filter(
      (_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === name.toLowerCase(),
    );
    return lines.join(', ') === value;
  });
}

const distinct = fc.uniqueArray(match, {
  maxLength: 8,
  selector: (each) => JSON.stringify(parsed([each])),
});

describe('routes', () => {
  it('take a request to the same place, in whatever order they are defined', () => {
    fc.assert(
      fc.property(
        distinct.chain((matches) =>
          fc.tuple(
            fc.constant(matches),
            fc.shuffledSubarray(matches, { minLength: matches.length, maxLength: matches.length }),
          ),
        ),
        request,
        ([matches, shuffled], asked) => {
          expect(JSON.stringify(parsed(shuffled))).toBe(JSON.stringify(parsed(matches)));
          const one = new RouteMatcher(parsed(matches), compilePattern);
          const other = new RouteMatcher(parsed(shuffled), compilePattern);
          expect(other.find(asked.method, asked.path, asked.fields)).toBe(
            one.find(asked.method, asked.path, asked.fields),
          );
        },
      ),
    );
  });

  it('take a request exactly where all conditions of the first that holds are met', () => {
    fc.assert(
      fc.property(distinct, request, (matches, asked) => {
        const routes = parsed(matches);
        const matcher = new RouteMatcher(routes, compilePattern);
        const expected = routes.findIndex((route) => holds(route.match, asked));
        expect(matcher.find(asked.method, asked.path, asked.fields)).toBe(expected);
        const { held } = matcher;
        const told = matcher.explain({ method: asked.method, path: asked.path, headers: asked.fields });
        expect(told.findIndex(({ verdict }) => verdict === 'matched')).toBe(expected);
        expect(matcher.explain({ method: asked.method, path: asked.path, headers: held })).toEqual(told);
        if (expected === NO_ROUTE) expect(told.every(({ verdict }) => verdict === 'lost')).toBe(true);
      }),
    );
  });

  it('with a longer prefix win over those with a shorter one, all else being equal', () => {
    fc.assert(
      fc.property(path, segment, path, request, (outer, inner, below, { method, fields }) => {
        const prefixes = [outer, `${outer.replace(/\/$/, '')}/${inner}`] as const;
        const [longer, shorter] = prefixes.toReversed();
        const routes = parsed(prefixes.map((pathPrefix) => ({ pathPrefix })));
        const matcher = new RouteMatcher(routes, compilePattern);
        const taken = (path: string) => routes[matcher.find(method, path, fields)]?.match.pathPrefix;
        expect(taken(`${longer}${below}`)).toBe(longer);
        expect(taken(`${longer}c`)).toBe(shorter);
      }),
    );
  });
});

function pool(text: string): PoolName {
  const name = parsePoolName(text);
  if (!name.ok) throw new Error(name.problem);
  return name.value;
}
const draw = fc.maxSafeInteger().map((n) => Math.abs(n) % DRAWS);
const [web, canary] = [pool('web'), pool('canary')];

describe('a split', () => {
  it('gives each pool its share', () => {
    const split = new Split([
      { pool: web, weight: 90 },
      { pool: canary, weight: 10 },
      { pool: pool('none'), weight: 0 },
    ]);
    const given = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      // Evenly spread, and nothing to do with how a split mixes them.
      const to = split.poolOf(Math.floor(((i * 0.6180339887498949) % 1) * DRAWS));
      given.set(to, (given.get(to) ?? 0) + 1);
    }
    // Five standard deviations of 20 000 draws at a tenth are 212.
    expect(Math.abs((given.get('canary') ?? 0) - 2000)).toBeLessThan(212);
    expect(given.has('none')).toBe(false);
  });

  it('gives each pool its share of keys too, whatever they are and whoever made the secret', () => {
    const prefixes = fc.constantFrom('', 'user-', '192.0.2.', '/shop/item?id=');
    fc.assert(
      fc.property(prefixes, fc.string(), fc.integer({ min: 1, max: 99 }), (prefix, secret, weight) => {
        const digest = new KeyedDigest(secret);
        const split = new Split([
          { pool: web, weight: 100 - weight },
          { pool: canary, weight },
        ]);
        let given = 0;
        for (let i = 0; i < 10_000; i++)
          if (split.poolOf(digest.of('split', `${prefix}${i}`)) === canary) given++;
        // Eight standard deviations: of a hundredth, the most skewed, once in 10^12.
        expect(Math.abs(given - 100 * weight)).toBeLessThan(8 * Math.sqrt(weight * (100 - weight)));
      }),
      { numRuns: 60 },
    );
  });

  it('that gives a canary twice as much moves as many keys as it is given, all of them to it', () => {
    const digest = new KeyedDigest('a secret');
    const at = (weight: number) =>
      new Split([
        { pool: canary, weight },
        { pool: web, weight: 100 - weight },
      ]);
    const [before, after] = [at(5), at(10)];
    let moved = 0;
    for (let i = 0; i < 20_000; i++) {
      const key = digest.of('split', `${i}`);
      if (before.poolOf(key) === after.poolOf(key)) continue;
      expect(after.poolOf(key)).toBe(canary);
      moved++;
    }
    // A twentieth, within six standard deviations.
    expect(Math.abs(moved - 1000)).toBeLessThan(6 * Math.sqrt(950));
  });

  it('moves a key only to a pool that is given more, or from one that is given less', () => {
    const weight = fc.integer({ min: 1, max: 1000 });
    const others = fc.array(weight, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(draw, others, weight, weight, (key, rest, before, after) => {
        const shares = rest.map((each, n) => ({ pool: pool(`p${n}`), weight: each }));
        const at = (weight: number) => new Split([{ pool: canary, weight }, ...shares]).poolOf(key);
        if (at(before) === at(after)) return;
        expect(after > before ? at(after) : at(before)).toBe('canary');
      }),
      { numRuns: 1000 },
    );
  });

  it('is the same in whatever order it is written', () => {
    fc.assert(
      fc.property(
        draw,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 5 }),
        (key, weights) => {
          const shares = weights.map((weight, n) => ({ pool: pool(`p${n}`), weight }));
          expect(new Split(shares.toReversed()).poolOf(key)).toBe(new Split(shares).poolOf(key));
        },
      ),
    );
  });
});
