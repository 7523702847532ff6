/** The fields of a record in its slot of the ring, and the codes it uses. Records outlive the process. */
import type { LeaseEnd, Refusal, Wait } from '../ledger.ts';

/** 80 bytes. The tried set of a record follows in the next slots, ten keys in each. */
export const SLOT_WORDS = 20;
export const KEYS_IN_SLOT = 10;

export const SLOT = {
  ticket: 0,
  poolKey: 2,
  nowMs: 4,
  backendKey: 6,
  /** The ticket of a waiter or a lease, or a position of the log. */
  reference: 8,
  /** In the same place, for operations that ask for a backend: the hash that keeps requests together. */
  hash: 8,
  untilMs: 10,
  /** In the same place, for operations that ask for a backend: the key of the home. */
  wanted: 10,
  /** In the same place, for a check-in: how long the backend took. */
  latencyMs: 10,
  operation: 12,
  result: 13,
  triedCount: 14,
  row: 15,
  epoch: 16,
  limit: 17,
  weight: 18,
  thread: 19,
  /** In the places of limit and weight, for operations with a route: the two halves of its 52 bits. */
  routeHigh: 17,
  routeLow: 18,
} as const;

export const OPERATIONS = [
  'start',
  'settings',
  'row',
  'drop',
  'checkout',
  'enqueue',
  'refuse',
  'grant',
  'checkin',
  'leave',
  'quarantine',
  'expire',
  'reap',
  'health',
  'eject',
  'withhold',
  'trial',
  'release',
  'probe',
] as const;
export type Operation = (typeof OPERATIONS)[number];

export const OP = {
  start: 0,
  settings: 1,
  row: 2,
  drop: 3,
  checkout: 4,
  enqueue: 5,
  refuse: 6,
  grant: 7,
  checkin: 8,
  leave: 9,
  quarantine: 10,
  expire: 11,
  reap: 12,
  health: 13,
  eject: 14,
  withhold: 15,
  trial: 16,
  release: 17,
  probe: 18,
} as const satisfies Record<Operation, number>;

export const ENDS: readonly LeaseEnd[] = [
  'finished',
  'connect_failed',
  'backend_failed',
  'timed_out',
  'client_gone',
  'unused',
  'server_error',
  'listed_status',
  'cut',
];
export const END = {
  finished: 0,
  connect_failed: 1,
  backend_failed: 2,
  timed_out: 3,
  client_gone: 4,
  unused: 5,
  server_error: 6,
  listed_status: 7,
  cut: 8,
} as const satisfies Record<LeaseEnd, number>;

export const REFUSALS: readonly Refusal[] = ['no_backends', 'starting', 'queue_full', 'exhausted'];
export const REFUSAL = {
  no_backends: 0,
  starting: 1,
  queue_full: 2,
  exhausted: 3,
} as const satisfies Record<Refusal, number>;

export const WAITS: readonly Wait[] = ['busy', 'unavailable', 'starting', 'exhausted', 'no_backends'];
export const WAIT = {
  busy: 0,
  unavailable: 1,
  starting: 2,
  exhausted: 3,
  no_backends: 4,
} as const satisfies Record<Wait, number>;

/** 2^26: a route's 52 bits are split into two halves. */
export const HALF_ROUTE = 0x400_0000;
