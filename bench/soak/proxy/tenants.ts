/**
 * Who shares the router: each tenant has a host, two pools of its own backends, and troubles of its own, so that what may
 * happen to one is known not to happen to another.
 */

/**
 * `calm`: nothing ever fails. `fickle`: where its requests go changes all the time. `loyal`: its clients come back to the backend
 * they had. `tight`: too few slots. `rough`: backends misbehave. `brittle`: they come and go. `needy`: every other answer does not
 * come, so that more requests want a second backend than its budget allows.
 */
export type Tenant = 'calm' | 'fickle' | 'loyal' | 'tight' | 'rough' | 'brittle' | 'needy';
export const TENANTS: readonly Tenant[] = ['calm', 'fickle', 'loyal', 'tight', 'rough', 'brittle', 'needy'];

/** Nobody of its own ever lets it down, nor has to wait for long. */
export const isSound = (tenant: Tenant): boolean => ['calm', 'fickle', 'loyal'].includes(tenant);

export const hostOf = (tenant: Tenant): string => `${tenant}.test`;
/** A domain is in the first one; `calm`'s now and then in the other, `fickle`'s in either, both or none. */
export const poolsOf = (tenant: Tenant): readonly [string, string] => [`${tenant}-a`, `${tenant}-b`];

export type PoolSettings = {
  readonly policy: string;
  readonly maxConcurrency: number | null;
  readonly queue: object;
  readonly timeouts: object;
  readonly retries?: object;
  readonly health?: object;
  readonly affinity?: object;
};

/** Of `loyal`. */
export const COOKIE = 'home';

// Long enough that only a hang passes it, on a machine that is busy too.
const PATIENT = { connectMs: 20_000, firstByteMs: 20_000, idleMs: 20_000 };
/** After which the rough and the brittle are given up. */
export const HASTY_MS = 1000;
const HASTY = { connectMs: HASTY_MS, firstByteMs: HASTY_MS, idleMs: HASTY_MS };
/** The listeners are with whoever sends a body. */
export const isHasty = (tenant: Tenant): boolean => tenant === 'rough' || tenant === 'brittle';
// Our backends close at once when told to; a lease is never given back before they have.
const LINGER = { abortLingerMs: 10_000 };

/** Of `needy`'s requests so many may go to a second backend. */
export const NEEDY_PERCENT = 20;
/** One of them is in force for `rough`. */
export const ROUGH_PERCENTS = [0, 50] as const;

const CALM: PoolSettings = {
  policy: 'least-request',
  maxConcurrency: null,
  queue: { maxWaiting: 1000, maxWaitMs: 20_000 },
  timeouts: { ...PATIENT, ...LINGER },
};

export const SETTINGS: Readonly<Record<Tenant, PoolSettings>> = {
  calm: CALM,
  fickle: CALM,
  loyal: { ...CALM, maxConcurrency: 4, affinity: { cookie: COOKIE } },
  tight: {
    policy: 'p2c',
    maxConcurrency: 2,
    queue: { maxWaiting: 12, maxWaitMs: 400 },
    timeouts: { ...PATIENT, ...LINGER, upstreamKeepAliveMs: 300 },
  },
  rough: {
    policy: 'peak-ewma',
    maxConcurrency: 3,
    queue: { maxWaiting: 12, maxWaitMs: 1500 },
    timeouts: { ...HASTY, ...LINGER },
    retries: { firstByteTimeouts: true, statuses: [503], budgetPercent: ROUGH_PERCENTS[1] },
  },
  brittle: {
    policy: 'round-robin',
    maxConcurrency: 4,
    queue: { maxWaiting: 12, maxWaitMs: 800 },
    timeouts: { ...HASTY, ...LINGER },
    health: { passive: { quarantineMs: 300 }, active: false },
  },
  needy: {
    ...CALM,
    retries: { budgetPercent: NEEDY_PERCENT },
    health: { passive: { outlier: false }, active: false },
  },
};

/** For what a worker still has when it has to go. */
export const DRAIN_MS = 5000;
export const BACKENDS_EACH = 3;

/** The last of a pool's backends may come and go; of a sound tenant the others never do. */
export const isSteady = (backend: string): boolean => !backend.endsWith(`.${BACKENDS_EACH}`);
