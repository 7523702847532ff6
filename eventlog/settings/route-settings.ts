/**
 * The routes of a domain: which of its requests do not simply go to its pool. They are stored in order of precedence
 * (`route-order.ts`), whatever the order they were written in, so that equal settings are equal bytes and a route's
 * number is its place in that order.
 */
import { z } from 'zod';
import { quoted } from '../names.ts';
import { parseLocation } from './location-template.ts';
import { byPrecedence } from './route-order.ts';
import { FIELD_VALUE, fieldName, ms, poolName } from './setting-values.ts';

// 100: each is compared with every request of the domain, at a few nanoseconds each.
const MAX_ROUTES = 100;
// 32 different header conditions per domain: they are journalled as the bits of a word.
const MAX_CONDITIONS = 32;
const MAX_POOLS = 16;
const STANDARD_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
// The path as it is sent: anything but visible ASCII is percent-encoded, and the query is not part of it.
const PATH_PREFIX = /^\/[\x21\x22\x24-\x3e\x40-\x7e]{0,1023}$/;

const method = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}$/, 'expected a method, which is a token')
  .superRefine((text, context) => {
    const meant = text.toUpperCase();
    // RFC 9110 §9.1: methods are case-sensitive, so this one would never match.
    if (text !== meant && STANDARD_METHODS.includes(meant))
      context.addIssue({ code: 'custom', message: `expected ${meant}, found ${quoted(text)}` });
  });

const match = z
  .strictObject({
    pathPrefix: z
      .string()
      .regex(PATH_PREFIX, 'expected / and a path as it is sent, without query, of at most 1024 characters')
      .optional()
      .describe('the path is this, or continues with / after it'),
    pathRegex: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe('a regular expression (RE2 syntax) found in the path; ^ and $ anchor it'),
    methods: z.array(method).min(1).max(20).optional().describe('any of these methods; case-sensitive'),
    headers: z
      .record(
        fieldName,
        z.string().regex(FIELD_VALUE, 'expected at most 4096 visible characters, none of them a line end'),
      )
      .refine((given) => Object.keys(given).length <= MAX_CONDITIONS, `expected at most ${MAX_CONDITIONS}`)
      .superRefine((given, context) => {
        const seen = new Set<string>();
        for (const name of Object.keys(given)) {
          if (seen.has(name.toLowerCase()))
            context.addIssue({
              code: 'custom',
              path: [name],
              message: 'expected each header once, whatever its case',
            });
          seen.add(name.toLowerCase());
        }
      })
      .optional()
      .describe('exact values of headers; repeated headers count as one, joined by commas'),
  })
  .prefault({})
  .describe('all given conditions must hold; none given: every request');

const split = z
  .array(
    z.strictObject({
      pool: poolName.describe('a pool'),
      weight: z
        .int()
        .min(0)
        .max(1000)
        .describe('share of these requests, relative to the other pools; 0: none'),
    }),
  )
  .min(1)
  .max(MAX_POOLS)
  .superRefine((given, context) => {
    const seen = new Set<string>();
    for (const [at, { pool }] of given.entries()) {
      if (seen.has(pool))
        context.addIssue({ code: 'custom', path: [at, 'pool'], message: 'expected each pool once' });
      seen.add(pool);
    }
    if (!given.some(({ weight }) => weight > 0))
      context.addIssue({ code: 'custom', message: 'expected a weight above 0' });
  });

const route = z
  .strictObject({
    match,
    pool: poolName.optional().describe('the pool that serves these requests'),
    split: split.optional().describe('several pools, each with a share of these requests'),
    splitOn: z
      .union([
        z.enum(['request', 'address', 'path']),
        z.strictObject({ header: fieldName.describe('hash this header') }),
        z.strictObject({ cookie: fieldName.describe('hash this cookie') }),
      ])
      .optional()
      .describe(
        'what keeps a client with one pool: nothing (request, the default), its address, the path, a header or a cookie',
      ),
    redirect: z
      .strictObject({
        status: z
          .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
          .default(308)
          .describe('307 and 308 keep the method; 301 and 308 are cached by clients'),
        location: z
          .string()
          .superRefine((text, context) => {
            const parsed = parseLocation(text);
            if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.problem });
          })
          .describe('http://…, https://… or /path; {host}, {path}, {query} and {rest} are filled in'),
      })
      .optional()
      .describe('redirect, answered by the router'),
    timeouts: z
      .strictObject({
        connectMs: ms.min(1).optional().describe('to connect to a backend'),
        firstByteMs: ms
          .min(1)
          .optional()
          .describe('from the end of the request to the first byte of the response'),
        idleMs: ms
          .min(1)
          .optional()
          .describe('without a byte in either direction, after the response has begun'),
      })
      .optional()
      .describe("override the pool's"),
  })
  .superRefine((given, context) => {
    const ends = [given.pool, given.split, given.redirect].filter((end) => end !== undefined);
    if (ends.length > 1)
      context.addIssue({ code: 'custom', message: 'expected one of pool, split and redirect' });
    if (given.splitOn !== undefined && given.split === undefined)
      context.addIssue({ code: 'custom', path: ['splitOn'], message: 'expected a split beside it' });
    if (given.timeouts !== undefined && given.redirect !== undefined)
      context.addIssue({ code: 'custom', path: ['timeouts'], message: 'expected none beside a redirect' });
    if (given.redirect?.location.includes('{rest}') && given.match.pathPrefix === undefined)
      context.addIssue({
        code: 'custom',
        path: ['redirect', 'location'],
        message: 'expected {rest} only where match.pathPrefix is given',
      });
  });

export const routes = z
  .array(route)
  .max(MAX_ROUTES)
  .superRefine((given, context) => {
    const seen = new Map<string, number>();
    for (const [at, each] of given.entries()) {
      const text = JSON.stringify(inOneShape(each).match);
      const first = seen.get(text);
      if (first !== undefined)
        context.addIssue({
          code: 'custom',
          path: [at, 'match'],
          message: `expected each match once, found that of routes[${first}] again`,
        });
      else seen.set(text, at);
    }
    const conditions = new Set(
      given.flatMap(({ match }) => Object.entries(inOneShape({ match }).match.headers ?? {}).map(String)),
    );
    if (conditions.size > MAX_CONDITIONS)
      context.addIssue({
        code: 'custom',
        message: `expected at most ${MAX_CONDITIONS} different conditions on headers, found ${conditions.size}`,
      });
  })
  .transform((given) => given.map(inOneShape).sort(byPrecedence))
  .prefault([]);

/** As an operator writes it. */
export type RouteWish = z.input<typeof route>;
/** As it is stored. */
export type RouteSettings = z.output<typeof route>;
export type RouteMatch = RouteSettings['match'];

/** The one stored shape: keys and lists in order, header names in lower case, no slash at the end of a prefix. */
function inOneShape(given: RouteSettings): RouteSettings {
  const { match, pool, split, splitOn, redirect, timeouts } = given;
  return {
    match: matchInOneShape(match),
    ...(pool === undefined ? {} : { pool }),
    ...(split === undefined ? {} : { split: split.toSorted((a, b) => (a.pool < b.pool ? -1 : 1)) }),
    ...(splitOn === undefined || splitOn === 'request' ? {} : { splitOn }),
    ...(redirect === undefined ? {} : { redirect: { location: redirect.location, status: redirect.status } }),
    ...(timeouts === undefined || Object.keys(timeouts).length === 0
      ? {}
      : { timeouts: Object.fromEntries(inOrder(timeouts)) }),
  };
}

function matchInOneShape({ pathPrefix, pathRegex, methods, headers }: RouteMatch): RouteMatch {
  const fields = inOrder(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    ...(pathPrefix === undefined ? {} : { pathPrefix: pathPrefix.replace(/(?!^)\/+$/, '') }),
    ...(pathRegex === undefined ? {} : { pathRegex }),
    ...(methods === undefined ? {} : { methods: [...new Set(methods)].sort() }),
    ...(fields.length === 0 ? {} : { headers: Object.fromEntries(fields) }),
  };
}

function inOrder<T>(record: { readonly [key: string]: T }): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
}
