/** What routes may say, how they are kept, and what is answered when they say something else. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sparseDomain } from '../../eventlog/index.ts';
import { domainSettings } from '../../eventlog/settings/settings.ts';
import { describeMatch } from '../../src/config/describe-match.ts';
import { difference } from '../../src/config/difference.ts';
import { renderProblem } from '../../src/config/problem.ts';
import { renderDifference } from '../../src/config/render-difference.ts';
import { parseDomainWish, parseRouting } from '../../src/config/routing-schema.ts';

const wish = (routes: unknown) => parseDomainWish({ pool: 'web', routes });

function problems(routes: unknown): string[] {
  const parsed = wish(routes);
  return parsed.ok ? [] : parsed.problems.map((problem) => renderProblem(problem));
}

function kept(routes: unknown): unknown {
  const parsed = wish(routes);
  if (!parsed.ok) throw new Error(parsed.problems.map((problem) => renderProblem(problem)).join('\n'));
  return parsed.value.routes;
}

describe('routes', () => {
  it('are kept in order of precedence and in one shape, however they were written', () => {
    const written = [
      { match: { pathPrefix: '/' }, pool: 'web', timeouts: {} },
      { match: { pathPrefix: '/shop/', headers: { 'X-Beta': '1' } }, pool: 'b' },
      { match: { pathPrefix: '/shop', methods: ['POST', 'GET', 'GET'] }, pool: 'c' },
      {
        match: { pathRegex: '^/v[0-9]+/' },
        split: [
          { pool: 'z', weight: 1 },
          { pool: 'a', weight: 9 },
        ],
        splitOn: 'request',
      },
      { match: {}, redirect: { location: 'https://example.org/' }, splitOn: undefined },
    ];
    const shape = [
      {
        match: { pathRegex: '^/v[0-9]+/' },
        split: [
          { pool: 'a', weight: 9 },
          { pool: 'z', weight: 1 },
        ],
      },
      { match: { pathPrefix: '/shop', methods: ['GET', 'POST'] }, pool: 'c' },
      { match: { pathPrefix: '/shop', headers: { 'x-beta': '1' } }, pool: 'b' },
      { match: { pathPrefix: '/' }, pool: 'web' },
      { match: {}, redirect: { location: 'https://example.org/', status: 308 } },
    ];
    expect(kept(written)).toEqual(shape);
    expect(JSON.stringify(kept(written.toReversed()))).toBe(JSON.stringify(kept(written)));
    expect(kept(kept(written))).toEqual(shape);
  });

  it('may have 32 conditions on headers in all', () => {
    const all = Array.from({ length: 32 }, (_, n) => ({
      match: { headers: { tenant: `${n}` } },
      pool: 'web',
    }));
    expect(problems(all)).toEqual([]);
  });

  it('may be written as in the example', () => {
    const text = readFileSync(new URL('../../examples/routes.yaml', import.meta.url), 'utf8');
    expect(parseRouting(parse(text))).toMatchObject({ ok: true });
  });

  it('cost a domain without them nothing that is stored', () => {
    expect(sparseDomain(domainSettings.parse({ pool: 'web', routes: [] }))).toEqual({ pool: 'web' });
  });

  it.each<[string, unknown, string]>([
    ['no list', {}, 'routes: expected a list'],
    [
      'a condition there is not',
      [{ match: { path: '/' } }],
      'routes[0].match.path: expected one of the keys pathPrefix',
    ],
    ['a key there is not', [{ match: {}, pol: 'a' }], 'did you mean "pool"?'],
    [
      'a prefix without slash',
      [{ match: { pathPrefix: 'shop' } }],
      'routes[0].match.pathPrefix: expected / and a path',
    ],
    ['a prefix with a query', [{ match: { pathPrefix: '/a?b' } }], 'expected / and a path'],
    ['a prefix that is not as sent', [{ match: { pathPrefix: '/é' } }], 'expected / and a path'],
    [
      'an open bracket',
      [{ match: { pathRegex: '^/longer/than/that/' } }, { match: { pathRegex: '/[a' } }],
      'routes[1].match.pathRegex: expected a regular expression (RE2 syntax), found missing closing ] "[a" at character 2',
    ],
    ['a look-ahead', [{ match: { pathRegex: 'a(?=b)' } }], '"(?=" at character 2'],
    ['a back-reference', [{ match: { pathRegex: '(a)\\1' } }], 'invalid escape sequence'],
    ['a pattern too large', [{ match: { pathRegex: '(a{20}){20}' } }], 'at most 250 instructions'],
    ['a pattern too long', [{ match: { pathRegex: 'a'.repeat(501) } }], '1 to 500 characters'],
    [
      'patterns too large together',
      [1, 2, 3, 4, 5].map((n) => ({ match: { pathRegex: `a{200}b{${n}}c{30}` } })),
      'at most 1000 instructions together',
    ],
    ['no method', [{ match: { methods: [] } }], 'routes[0].match.methods: expected a list'],
    ['a method in lower case', [{ match: { methods: ['get'] } }], 'expected GET, found "get"'],
    ['a method that is no token', [{ match: { methods: ['GE T'] } }], 'expected a method'],
    ['a header twice', [{ match: { headers: { A: '1', a: '2' } } }], 'expected each header once'],
    ['a header that is no token', [{ match: { headers: { 'a b': '1' } } }], 'expected a token'],
    ['a header with a line end', [{ match: { headers: { a: '1\r\nb: 2' } } }], 'none of them a line end'],
    [
      'a pool and a redirect',
      [{ match: {}, pool: 'a', redirect: { location: '/' } }],
      'expected one of pool, split and redirect',
    ],
    [
      'more routes than a domain may have',
      Array.from({ length: 101 }, () => ({ pool: 'a' })),
      'routes: expected a list of at most 100 entries, found one of 101',
    ],
    ['a split of nothing', [{ match: {}, split: [] }], 'routes[0].split: expected a list'],
    [
      'a split in which none has a share',
      [{ match: {}, split: [{ pool: 'a', weight: 0 }] }],
      'a weight above 0',
    ],
    [
      'a split with a pool twice',
      [
        {
          match: {},
          split: [
            { pool: 'a', weight: 1 },
            { pool: 'a', weight: 2 },
          ],
        },
      ],
      'each pool once',
    ],
    ['a pool that is no name', [{ match: {}, pool: 'a b' }], 'routes[0].pool: expected a pool name'],
    ['a key of a split without one', [{ match: {}, pool: 'a', splitOn: 'path' }], 'routes[0].splitOn'],
    [
      'a status that is no redirect',
      [{ match: {}, redirect: { status: 200, location: '/' } }],
      'routes[0].redirect.status',
    ],
    [
      'a location of another kind',
      [{ match: {}, redirect: { location: 'javascript:alert(1)' } }],
      'expected http://…',
    ],
    [
      'a location on any host',
      [{ match: {}, redirect: { location: '//evil.example/' } }],
      'expected http://…',
    ],
    [
      'a location with a line end',
      [{ match: {}, redirect: { location: '/a\r\nSet-Cookie: b' } }],
      'the characters of a URL',
    ],
    [
      'an unknown word',
      [{ match: {}, redirect: { location: '/{uri}' } }],
      'expected {host}, {path}, {query} or {rest}',
    ],
    [
      'a rest of no prefix',
      [{ match: {}, redirect: { location: '/new{rest}' } }],
      'only where match.pathPrefix',
    ],
    [
      'time-outs of a redirect',
      [{ match: {}, redirect: { location: '/' }, timeouts: { idleMs: 1 } }],
      'none beside a redirect',
    ],
    [
      'a time-out of nothing',
      [{ match: {}, timeouts: { idleMs: 0 } }],
      'routes[0].timeouts.idleMs: expected',
    ],
    [
      'the same match twice',
      [
        { match: { pathPrefix: '/a' }, pool: 'x' },
        { match: { pathPrefix: '/a/' }, pool: 'y' },
      ],
      'routes[1].match: expected each match once, found that of routes[0] again',
    ],
    [
      'too many',
      Array.from({ length: 101 }, (_, n) => ({ match: { pathPrefix: `/${n}` } })),
      'routes: expected a list',
    ],
    [
      'too many conditions on headers',
      Array.from({ length: 33 }, (_, n) => ({ match: { headers: { tenant: `${n}` } } })),
      'at most 32 different conditions',
    ],
  ])('with %s are refused, and told where', (_what, routes, says) => {
    expect(problems(routes).join('\n')).toContain(says);
  });

  it('whose patterns are too large by far are not all looked at', () => {
    const huge = ['a', 'b', 'c'].map((letter) => ({ match: { pathRegex: `${letter}{1000}`.repeat(60) } }));
    expect(problems(huge)).toEqual([expect.stringContaining('at most 250 instructions, found one of 60')]);
  });

  it('name pools of the same file', () => {
    const parsed = parseRouting({
      pools: { web: {} },
      domains: { 'a.example': { pool: 'web', routes: [{ match: {}, split: [{ pool: 'wbe', weight: 1 }] }] } },
    });
    expect(parsed.ok ? [] : parsed.problems.map((problem) => renderProblem(problem))).toEqual([
      'domains["a.example"].routes[0].split[0].pool: expected the name of a pool, found "wbe", which does not exist; did you mean "web"?',
    ]);
  });
});

it('a match is one line that no terminal obeys', () => {
  const line = describeMatch({
    pathPrefix: '/a',
    pathRegex: '\u001b[2J\n',
    methods: ['GET', 'PUT'],
    headers: { 'x-a': '1' },
  });
  expect(line).toBe('/a ~\\x1b[2J\\x0a GET|PUT x-a=1');
});

describe('the difference of routes', () => {
  const routing = (routes: unknown) => {
    const parsed = parseRouting({
      pools: { web: {}, api: {} },
      domains: { 'a.example': { pool: 'web', routes } },
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.value;
  };

  it('names each route by its match, and is silent about their order', () => {
    const before = routing([
      { match: { pathPrefix: '/api' }, pool: 'api' },
      { match: { pathPrefix: '/old', methods: ['GET'] }, redirect: { location: '/new{rest}' } },
      { match: { pathPrefix: '/same' }, pool: 'api' },
    ]);
    const after = routing([
      { match: { pathPrefix: '/same' }, pool: 'api' },
      { match: { pathPrefix: '/api' }, pool: 'web', timeouts: { idleMs: 5 } },
      { match: { headers: { 'X-Beta': '1' } } },
    ]);
    expect(renderDifference(difference(before, after))).toEqual([
      '~ domain a.example',
      '    routes[/api].pool: api → web',
      '    routes[/api].timeouts.idleMs: null → 5',
      '    routes[/old GET].redirect.location: "/new{rest}" → null',
      '    routes[/old GET].redirect.status: 308 → null',
      '    routes[x-beta=1].pool: null → "the domain\'s"',
      '0 to add, 1 to change, 0 to remove',
    ]);
  });

  it.each([
    [{ pathRegex: 'a GET' }, { pathRegex: 'a', methods: ['GET'] }],
    [{ headers: { 'x-a': '1 x-b=2' } }, { headers: { 'x-a': '1', 'x-b': '2' } }],
    [{ methods: ['A|B'] }, { methods: ['A', 'B'] }],
    [{ methods: ['A|B', 'C'] }, { methods: ['A', 'B|C'] }],
    [{ methods: ['~A'] }, { pathRegex: 'A' }],
    [{ methods: ['*'] }, {}],
  ])('sees that %j is not %j', (match, other) => {
    const [before, after] = [match, other].map((each) => routing([{ match: each, pool: 'api' }]));
    expect(difference(before!, after!)).toHaveLength(1);
  });
});
