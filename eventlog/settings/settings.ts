/**
 * What an operator may set for a pool, a backend and a domain: one schema, which gives the types, the checks, the defaults
 * (each with its unit in the name and its reason beside it) and the published JSON Schema. The defaults are repeated in
 * `setting-defaults.ts`, for threads that check nothing; a test keeps the two equal.
 *
 * Events and current rows hold *sparse* settings: only what differs from the defaults of their schema version.
 */
import { z } from 'zod';
import { routes } from './route-settings.ts';
import {
  address,
  backendId,
  count,
  domainName,
  FIELD_NAME,
  FIELD_VALUE,
  fieldName,
  ms,
  poolName,
} from './setting-values.ts';

export { address, backendId, domainName, poolName };

export const backendSettings = z.strictObject({
  address: address.describe('host:port, [v6]:port or unix:/path'),
  weight: z
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe("share of the pool's requests, relative to its other backends"),
  maxConcurrency: z
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .default(null)
    .describe('concurrent requests; null: as set for the pool'),
  state: z
    .enum(['up', 'starting', 'draining'])
    .default('up')
    .describe('starting: gets no requests yet; draining: gets no new requests'),
});

// RFC 9110 §15: from 100 to 599.
const STATUSES = /^[1-5]\d\d(?:-[1-5]\d\d)?$/;
const statuses = z
  .array(z.union([z.int().min(100).max(599), z.string().regex(STATUSES, 'expected a range such as 500-599')]))
  .max(50);

const passiveHealth = z.strictObject({
  connectFailures: z
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe('quarantine a backend after so many failed connects in a row'),
  // 5 s, as with Heroku: longer than a process restart, shorter than a person's patience.
  quarantineMs: ms
    .min(1)
    .default(5000)
    .describe('how long a quarantine lasts, and the first ejection of an outlier'),
  outlier: z
    .union([
      z.literal(false),
      z.strictObject({
        // 5: it rarely happens by chance that this many requests fail on one backend and none on the others.
        failures: z
          .int()
          .min(1)
          .max(100_000)
          .default(5)
          .describe('eject after so many resets, time-outs and listed statuses'),
        // 10 s: about as long as the restart of one backend takes.
        windowMs: ms.min(2).default(10_000).describe('time window in which failures count'),
        // None: what a status means is up to the application.
        statuses: statuses.default([]).describe('statuses that count as failures, such as 503 or "500-599"'),
      }),
    ])
    .prefault({})
    .describe(
      'outlier detection: eject a backend that fails much more often than the rest of its pool; false: off',
    ),
  // Half: the rest of a pool can more often bear twice its load than three times.
  maxEjectedPercent: z
    .int()
    .min(0)
    .max(100)
    .default(50)
    .describe('the largest share of the pool that may be ejected'),
});

const activeHealth = z.strictObject({
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,1000}$/, 'expected a path from its first slash')
    .describe('path to GET'),
  // 5 s: a dead backend is left alone after a quarter of a minute; a hundred backends are checked 20 times a second.
  intervalMs: ms.min(100).default(5000).describe('interval between checks'),
  timeoutMs: ms.min(1).default(2000).describe('time-out for the response head'),
  healthyAfter: z.int().min(1).max(100).default(2).describe('up after so many passed checks in a row'),
  unhealthyAfter: z.int().min(1).max(100).default(3).describe('down after so many failed checks in a row'),
  statuses: z
    .string()
    .regex(STATUSES, 'expected a status or a range of them')
    .default('200-399')
    .describe('statuses that pass'),
});

export const poolSettings = z.strictObject({
  policy: z
    .enum(['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'])
    .default('least-request')
    .describe('load-balancing policy'),
  // The address: the one key that every request has.
  hashOn: z
    .union([
      z.enum(['address', 'path']),
      z.strictObject({ header: fieldName.describe('hash this header') }),
      z.strictObject({ cookie: fieldName.describe('hash this cookie') }),
    ])
    .default('address')
    .describe('what consistent-hash hashes: client address, path, a header or a cookie'),
  affinity: z
    .union([z.literal(false), z.strictObject({ cookie: fieldName.describe('name of the cookie') })])
    .default(false)
    .describe('sticky sessions: a cookie set by the router leads a client back to its backend'),
  maxConcurrency: z
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .default(null)
    .describe('concurrent requests per backend; null: no limit'),
  queue: z
    .strictObject({
      // 1000: a busy pool's requests of one second, a few MB of held heads.
      maxWaiting: count.default(1000).describe('requests that may queue for a slot; 0: none'),
      // 30 s: as long as Heroku lets a request wait for its first byte.
      maxWaitMs: ms.default(30_000).describe('how long each wait for a slot may last'),
    })
    .prefault({}),
  whenEmpty: z
    .enum(['refuse', 'hold'])
    .default('refuse')
    .describe(
      'if no backend is up but some are starting: answer H20 at once (refuse), or queue first (hold)',
    ),
  timeouts: z
    .strictObject({
      // 5 s, as with Heroku: three SYNs on a lossy path.
      connectMs: ms.min(1).default(5000).describe('to connect to a backend'),
      // 30 s: Heroku's H12.
      firstByteMs: ms
        .min(1)
        .default(30_000)
        .describe('from the end of the request to the first byte of the response'),
      // 55 s: Heroku's H15 and H28.
      idleMs: ms
        .min(1)
        .default(55_000)
        .describe('without a byte in either direction, after the response has begun'),
      // 4 s: less than the 5 s after which Node, the most common backend, closes an idle connection.
      upstreamKeepAliveMs: ms.default(4000).describe('idle connections to backends are closed after this'),
      // 1 s: a living backend notices the FIN of an aborted request within a round trip and a turn of its scheduler.
      abortLingerMs: ms
        .default(1000)
        .describe(
          'how long an aborted request keeps its slot, unless the backend closes the connection sooner',
        ),
    })
    .prefault({}),
  retries: z
    .strictObject({
      // 10 attempts in 75 s: Heroku's.
      attempts: z
        .int()
        .min(1)
        .max(16)
        .default(10)
        .describe('backends tried per request, including the first'),
      totalMs: ms
        .min(1)
        .default(75_000)
        .describe('time limit from the complete request head to a connection'),
      idempotent: z
        .boolean()
        .default(true)
        .describe('retry idempotent requests if the backend closes the connection without a response'),
      // 20 %: a pool that fails entirely gets a fifth more load, not twice the load.
      budgetPercent: z
        .int()
        .min(0)
        .max(100)
        .default(20)
        .describe("retry budget: retries of requests already sent, as a share of the pool's requests"),
      // None: a backend's answer counts, unless its operator says otherwise.
      statuses: statuses
        .default([])
        .describe(
          'retry idempotent requests answered with these statuses, on another free backend, within the budget',
        ),
      firstByteTimeouts: z
        .boolean()
        .default(false)
        .describe('retry idempotent requests that exceed timeouts.firstByteMs'),
    })
    .prefault({}),
  health: z
    .strictObject({
      passive: z
        .union([z.literal(false), passiveHealth])
        .prefault({})
        .describe('passive health checks, by what requests meet; false: off'),
      active: z
        .union([z.literal(false), activeHealth])
        .default(false)
        .describe('active health checks: requests sent by the router; false: off'),
    })
    .prefault({}),
  // 0: most backends are as quick at once as later.
  slowStartMs: ms
    .default(0)
    .describe('a backend that comes up or returns gets its full weight gradually over this time; 0: at once'),
  limits: z
    .strictObject({
      statusLineBytes: count.min(16).default(8192).describe('response status line'),
      setCookieLineBytes: count.min(16).default(8192).describe('one Set-Cookie line'),
      headerLineBytes: count.min(16).default(524_288).describe('any other response header line'),
      responseHeadBytes: z.int().min(16).max(16_777_216).default(1_048_576).describe('whole response head'),
      idlePerBackend: count.default(64).describe('idle connections kept per backend and worker'),
    })
    .prefault({}),
});

// Fields that frame a message, belong to one hop, or are set by the router itself. To some backends an underscore is a dash.
const OWN_FIELDS = new Set(
  'connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade via'.split(
    ' ',
  ),
);

const fields = z
  .record(
    z
      .string()
      .regex(FIELD_NAME, 'expected a field name')
      .refine(
        (name) => !OWN_FIELDS.has(name.toLowerCase().replaceAll('_', '-')),
        "expected a field that is not the router's own",
      ),
    z.string().regex(FIELD_VALUE, 'expected at most 4096 visible characters, none of them a line end'),
  )
  .refine((given) => Object.keys(given).length <= 50, {
    error: ({ input }) => `expected at most 50 fields, found ${Object.keys(input as object).length}`,
  })
  .default({});

// 64 KiB: a page with its style and a small picture.
const PAGE_CHARACTERS = 65_536;

export const domainSettings = z.strictObject({
  pool: poolName.describe('the pool that serves this host'),
  routes: routes.describe('other pools, redirects or time-outs for some requests, in any order'),
  // 5000: as many concurrent requests as a busy site has; a flood on one tenant stops here before it fills a worker.
  maxInFlight: count.default(5000).describe('concurrent requests of this domain; 0: no limit'),
  maintenance: z.boolean().default(false).describe('answer every request with the maintenance page (H80)'),
  features: z
    .strictObject({
      continue: z
        .enum(['router', 'end-to-end'])
        .default('router')
        .describe('who answers Expect: 100-continue'),
    })
    .prefault({}),
  errorPages: z
    .record(
      z.string().regex(/^[a-z_]{1,40}$/, 'expected the word of an outcome, or error for all others'),
      z.string().max(PAGE_CHARACTERS, `expected at most ${PAGE_CHARACTERS} characters of HTML`),
    )
    .default({})
    .describe('HTML of error pages by kind; the status code stays the same'),
  headers: z
    .strictObject({
      request: fields.describe('set on every request to the backend'),
      response: fields.describe('set on every response to the client'),
    })
    .prefault({}),
});

export type BackendSettings = z.output<typeof backendSettings>;
export type PoolSettings = z.output<typeof poolSettings>;
export type DomainSettings = z.output<typeof domainSettings>;
