/** What the bench's pool and domain ask of the router: the defaults, as little as there is, or all that a request can meet. */

export type Asks = { readonly pool: object; readonly domain: object };

export const USUAL: Asks = { pool: {}, domain: {} };

/** No route, no limit, no health. */
export const PLAIN: Asks = {
  pool: { health: { passive: false, active: false }, retries: { attempts: 1 } },
  domain: { maxInFlight: 0 },
};

// Ten, of every kind; the bench's requests, of `/128`, take the last that is tried.
const ROUTES = [
  { match: { pathRegex: '^/v[0-9]+/' }, pool: 'bench' },
  { match: { pathPrefix: '/128', headers: { 'X-Canary': '1' } }, pool: 'bench' },
  { match: { pathPrefix: '/128', methods: ['POST'] }, pool: 'bench' },
  ...Array.from({ length: 6 }, (_, n) => ({ match: { pathPrefix: `/area${n}` }, pool: 'bench' })),
  { match: {}, split: [{ pool: 'bench', weight: 1 }], timeouts: { firstByteMs: 20_000 } },
];

/** A limit that is never reached, so that nobody waits. */
export const FEATURES: Asks = {
  pool: {
    maxConcurrency: 1000,
    queue: { maxWaiting: 1000, maxWaitMs: 10_000 },
    health: {
      passive: { outlier: { failures: 5, windowMs: 10_000, statuses: ['500-599'] } },
      // A machine that is busy must not take the only backend for one that fails.
      active: { path: '/128', intervalMs: 1000, timeoutMs: 10_000, unhealthyAfter: 10 },
    },
  },
  domain: { routes: ROUTES },
};

/** The same with room for half of the bench's connections, so that every other request waits for its turn. */
export const QUEUEING: Asks = { ...FEATURES, pool: { ...FEATURES.pool, maxConcurrency: 32 } };
