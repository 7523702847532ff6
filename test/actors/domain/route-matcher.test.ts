/** Which route a request takes, and why not the others. */
import { describe, expect, it } from 'vitest';
import { NO_ROUTE, RouteMatcher } from '../../../actors/index.ts';
import type { RouteMatch, RouteSettings } from '../../../eventlog/index.ts';
import { compilePattern } from '../../../src/config/index.ts';
import { parseDomainWish } from '../../../src/config/routing-schema.ts';

type Asked = { readonly method?: string; readonly path?: string; readonly fields?: readonly string[] };

function routesOf(...matches: RouteMatch[]): readonly RouteSettings[] {
  const parsed = parseDomainWish({ pool: 'web', routes: matches.map((match) => ({ match })) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value.routes ?? [];
}

function matcherOf(...matches: RouteMatch[]) {
  const routes = routesOf(...matches);
  const matcher = new RouteMatcher(routes, compilePattern);
  const take = ({ method = 'GET', path = '/', fields = [] }: Asked): RouteMatch | undefined => {
    const index = matcher.find(method, path, fields);
    return index === NO_ROUTE ? undefined : routes[index]?.match;
  };
  return { matcher, take };
}

describe('a path prefix', () => {
  it.each([
    ['/shop', '/shop', true],
    ['/shop', '/shop/', true],
    ['/shop', '/shop/cart', true],
    ['/shop', '/shopping', false],
    ['/shop', '/Shop', false],
    ['/shop', '/', false],
    ['/shop', '/a/shop', false],
    ['/shop/', '/shop', true],
    ['/', '/anything', true],
    ['/', '*', false],
    ['/a%2Fb', '/a/b', false],
    ['/shop', '/%73hop', false],
    ['/shop', '//shop', false],
    ['/shop', '/./shop', false],
    ['/shop', '/shop;v=1', false],
    ['/shop', '/shop%2Fcart', false],
    ['/shop', '/shop/../admin', true],
  ])('%s of %s: %s', (pathPrefix, path, holds) => {
    expect(matcherOf({ pathPrefix }).take({ path }) !== undefined).toBe(holds);
  });
});

describe('a regular expression', () => {
  it.each([
    ['^/v[0-9]+/', '/v12/users', true],
    ['^/v[0-9]+/', '/api/v12/users', false],
    ['\\.png$', '/a/b.png', true],
    ['\\.png$', '/a/b.png.txt', false],
    ['users', '/api/users/1', true],
    ['a', `/${'a'.repeat(2047)}`, true],
    ['a', `/${'a'.repeat(2048)}`, false],
  ])('%s in %s: %s', (pathRegex, path, holds) => {
    expect(matcherOf({ pathRegex }).take({ path }) !== undefined).toBe(holds);
  });

  it('that this engine does not take matches nothing', () => {
    const matcher = new RouteMatcher([{ match: { pathRegex: '(?=a)' } }], compilePattern);
    expect(matcher.find('GET', '/a', [])).toBe(NO_ROUTE);
  });
});

describe('a header', () => {
  it.each<[string, RouteMatch['headers'], readonly string[], boolean]>([
    ['is the same', { 'x-a': '1' }, ['X-A', '1'], true],
    ['differs in its value', { 'x-a': '1' }, ['X-A', '2'], false],
    ['differs in the case of its value', { 'x-a': 'on' }, ['X-A', 'On'], false],
    ['is not there', { 'x-a': '1' }, ['X-B', '1'], false],
    ['is given twice', { 'x-a': '1' }, ['X-A', '1', 'x-a', '1'], false],
    ['is given twice, as one list', { 'x-a': '1, 2' }, ['X-A', '1', 'x-a', '2'], true],
    ['is given twice, in another order', { 'x-a': '1, 2' }, ['X-A', '2', 'x-a', '1'], false],
    ['is empty and must be', { 'x-a': '' }, ['X-A', ''], true],
    ['must be empty and is not there', { 'x-a': '' }, [], false],
    ['is one of two that must hold', { 'x-a': '1', 'x-b': '2' }, ['X-A', '1'], false],
  ])('that %s', (_what, headers, fields, holds) => {
    expect(matcherOf({ headers: headers ?? {} }).take({ fields }) !== undefined).toBe(holds);
  });
});

describe('of several routes', () => {
  const regex: RouteMatch = { pathRegex: '^/shop/[0-9]+$' };
  const long: RouteMatch = { pathPrefix: '/shop/cart' };
  const posts: RouteMatch = { pathPrefix: '/shop', methods: ['POST'] };
  const beta: RouteMatch = { pathPrefix: '/shop', headers: { 'x-beta': '1' } };
  const short: RouteMatch = { pathPrefix: '/shop' };
  const betas: RouteMatch = { headers: { 'x-beta': '1' } };
  const all = [short, betas, beta, posts, long, regex];

  it.each<[Asked, RouteMatch | undefined]>([
    [{ path: '/shop/12', method: 'POST' }, regex],
    [{ path: '/shop/cart/1', fields: ['X-Beta', '1'] }, long],
    [{ path: '/shop/x', method: 'POST', fields: ['X-Beta', '1'] }, posts],
    [{ path: '/shop/x', fields: ['X-Beta', '1'] }, beta],
    [{ path: '/shop/x' }, short],
    [{ path: '/else', fields: ['X-Beta', '1'] }, betas],
    [{ path: '/else' }, undefined],
  ])('%j takes %j', (asked, expected) => {
    expect(matcherOf(...all).take(asked)).toEqual(expected);
  });

  it('says of each what became of it', () => {
    const { matcher } = matcherOf(...all);
    expect(matcher.explain({ method: 'GET', path: '/shop/x', headers: ['X-Beta', '2'] })).toEqual([
      { route: 0, verdict: 'lost', why: 'regex' },
      { route: 1, verdict: 'lost', why: 'prefix' },
      { route: 2, verdict: 'lost', why: 'method' },
      { route: 3, verdict: 'lost', why: 'header', header: 'x-beta' },
      { route: 4, verdict: 'matched' },
      { route: 5, verdict: 'not_reached' },
    ]);
  });

  it('tells each condition from the others, though several share some', () => {
    const [a, b, c] = [{ 'x-a': '1' }, { 'x-b': '1' }, { 'x-c': '1' }];
    const both: RouteMatch = { headers: { ...a, ...b } };
    const others: RouteMatch = { headers: { ...b, ...c } };
    const { take } = matcherOf(both, others, { headers: a }, { headers: c });
    expect(take({ fields: ['X-A', '1', 'X-B', '1'] })).toEqual(both);
    expect(take({ fields: ['X-B', '1', 'X-C', '1'] })).toEqual(others);
    expect(take({ fields: ['X-A', '1', 'X-C', '1'] })).toEqual({ headers: a });
    expect(take({ fields: ['X-C', '1'] })).toEqual({ headers: c });
    expect(take({ fields: ['X-B', '1'] })).toBe(undefined);
  });

  it('says the same of a past request from the bits that were journalled, without the values', () => {
    const { matcher } = matcherOf(...all);
    for (const beta of ['1', '2']) {
      const fields = ['X-Beta', beta];
      const index = matcher.find('GET', '/shop/x', fields);
      const held = matcher.held;
      const past = matcher.explain({ method: 'GET', path: '/shop/x', headers: held });
      expect(past).toEqual(matcher.explain({ method: 'GET', path: '/shop/x', headers: fields }));
      expect(past[index]).toEqual({ route: index, verdict: 'matched' });
    }
  });
});
