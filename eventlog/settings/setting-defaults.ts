/**
 * The default of every setting. The schemas in `settings.ts` have the same defaults, with their reasons, and a test
 * keeps the two equal: loading the schemas takes six megabytes per thread, and a worker validates no settings.
 */
import type { BackendSettings, DomainSettings, PoolSettings } from './settings.ts';

export const POOL_DEFAULTS: PoolSettings = {
  policy: 'least-request',
  hashOn: 'address',
  affinity: false,
  maxConcurrency: null,
  queue: { maxWaiting: 1000, maxWaitMs: 30_000 },
  whenEmpty: 'refuse',
  timeouts: {
    connectMs: 5000,
    firstByteMs: 30_000,
    idleMs: 55_000,
    upstreamKeepAliveMs: 4000,
    abortLingerMs: 1000,
  },
  retries: {
    attempts: 10,
    totalMs: 75_000,
    idempotent: true,
    budgetPercent: 20,
    statuses: [],
    firstByteTimeouts: false,
  },
  health: {
    passive: {
      connectFailures: 1,
      quarantineMs: 5000,
      outlier: { failures: 5, windowMs: 10_000, statuses: [] },
      maxEjectedPercent: 50,
    },
    active: false,
  },
  slowStartMs: 0,
  limits: {
    statusLineBytes: 8192,
    setCookieLineBytes: 8192,
    headerLineBytes: 524_288,
    responseHeadBytes: 1_048_576,
    idlePerBackend: 64,
  },
};

/** The address is the only setting without a default; it is always given. */
export const BACKEND_DEFAULTS: Omit<BackendSettings, 'address'> = {
  weight: 1,
  maxConcurrency: null,
  state: 'up',
};

export const DOMAIN_DEFAULTS: Omit<DomainSettings, 'pool'> = {
  routes: [],
  maxInFlight: 5000,
  maintenance: false,
  features: { continue: 'router' },
  errorPages: {},
  headers: { request: {}, response: {} },
};
