/** The record of an operation on a ledger: enough to decide it again and to compare. */
import { type PolicyName, policyName } from '../../policy/policies.ts';
import type { HealthDefinition } from '../definition.ts';
import type { LeaseEnd, Refusal, Wait } from '../ledger.ts';
import { CLOSED, NO_LIMIT } from '../memory/layout.ts';
import { ENDS, HALF_ROUTE, KEYS_IN_SLOT, OPERATIONS, REFUSALS, SLOT, WAITS } from './record-layout.ts';

const NONE_TRIED: readonly number[] = Object.freeze([]);

interface Settings {
  readonly policy: PolicyName;
  readonly maxWaiting: number;
  readonly whenEmpty: 'refuse' | 'hold';
  /** A change that adds backends is half-way. */
  readonly widening: boolean;
  readonly position: number;
}

interface OfRow {
  readonly row: number;
  readonly backendKey: number;
  readonly epoch: number;
}

type Happened =
  | ({ readonly op: 'start'; readonly seed: number } & Settings)
  | ({ readonly op: 'settings' } & Settings)
  | ({
      readonly op: 'row';
      readonly limit: number;
      readonly weight: number;
      readonly empty: boolean;
      readonly removed: boolean;
      readonly draining: boolean;
      readonly starting: boolean;
      readonly quarantined: boolean;
      readonly ejected: boolean;
      readonly failing: boolean;
      readonly untilMs: number;
      readonly position: number;
    } & OfRow)
  | { readonly op: 'drop'; readonly position: number }
  | ({
      readonly op: 'checkout';
      readonly tried: readonly number[];
      readonly hash: number;
      readonly route: number;
      readonly wanted: number;
    } & OfRow)
  | {
      readonly op: 'enqueue';
      readonly tried: readonly number[];
      readonly hash: number;
      readonly route: number;
      readonly wanted: number;
    }
  | {
      readonly op: 'refuse';
      readonly tried: readonly number[];
      readonly hash: number;
      readonly route: number;
      readonly wanted: number;
      readonly refusal: Refusal;
    }
  | ({ readonly op: 'grant'; readonly waiter: number } & OfRow)
  | ({
      readonly op: 'checkin';
      readonly lease: number;
      readonly end: LeaseEnd;
      /** −1: unknown, or the policy does not use it. */
      readonly latencyMs: number;
      readonly route: number;
    } & OfRow)
  | { readonly op: 'leave'; readonly waiter: number; readonly wait: Wait }
  | ({ readonly op: 'quarantine'; readonly untilMs: number } & OfRow)
  | ({ readonly op: 'expire' } & OfRow)
  | { readonly op: 'reap'; readonly dead: number }
  | ({ readonly op: 'health' } & HealthDefinition)
  /**
   * `known`: the number of ejections in a row, if this one is known from before the backend had its row; 0: the ledger
   * decided it.
   */
  | ({
      readonly op: 'eject';
      readonly route: number;
      readonly untilMs: number;
      readonly known: number;
    } & OfRow)
  | ({ readonly op: 'withhold'; readonly route: number } & OfRow)
  | ({ readonly op: 'trial'; readonly route: number } & OfRow)
  | ({ readonly op: 'release'; readonly route: number } & OfRow)
  | ({ readonly op: 'probe'; readonly failing: boolean } & OfRow);

/** `ticket` orders the records of one pool, densely; `waiter` and `lease` are tickets of earlier records. */
export type LedgerRecord = Happened & {
  readonly thread: number;
  readonly poolKey: number;
  readonly ticket: number;
  readonly nowMs: number;
};

/** Decodes the record in these slots, which stand one after the other. */
export function decodeRecord(words: Int32Array, doubles: Float64Array): LedgerRecord {
  return {
    ...happened(words, doubles),
    thread: words[SLOT.thread]!,
    poolKey: doubles[SLOT.poolKey >> 1]!,
    ticket: doubles[SLOT.ticket >> 1]!,
    nowMs: doubles[SLOT.nowMs >> 1]!,
  };
}

function happened(words: Int32Array, doubles: Float64Array): Happened {
  const op = OPERATIONS[words[SLOT.operation]!];
  const result = words[SLOT.result]!;
  const reference = doubles[SLOT.reference >> 1]!;
  const untilMs = doubles[SLOT.untilMs >> 1]!;
  switch (op) {
    case 'start':
      return { op, seed: doubles[SLOT.backendKey >> 1]!, ...settings(words, doubles) };
    case 'settings':
      return { op, ...settings(words, doubles) };
    case 'row':
      return { op, ...ofRow(words, doubles), ...member(words), untilMs, position: reference };
    case 'drop':
      return { op, position: reference };
    case 'checkout':
      return { op, ...ofRow(words, doubles), ...asked(words, doubles) };
    case 'enqueue':
      return { op, ...asked(words, doubles) };
    case 'refuse':
      return { op, ...asked(words, doubles), refusal: REFUSALS[result]! };
    case 'grant':
      return { op, ...ofRow(words, doubles), waiter: reference };
    case 'checkin':
      return {
        op,
        ...ofRow(words, doubles),
        lease: reference,
        end: ENDS[result]!,
        latencyMs: untilMs,
        route: routeAt(words, 0),
      };
    case 'leave':
      return { op, waiter: reference, wait: WAITS[result]! };
    case 'quarantine':
      return { op, ...ofRow(words, doubles), untilMs };
    case 'expire':
      return { op, ...ofRow(words, doubles) };
    case 'reap':
      return { op, dead: reference };
    case 'health':
      return { op, ...health(words, doubles) };
    case 'eject':
      return { op, ...ofRow(words, doubles), route: routeAt(words, 0), untilMs, known: result };
    case 'withhold':
    case 'trial':
    case 'release':
      return { op, ...ofRow(words, doubles), route: routeAt(words, 0) };
    case 'probe':
      return { op, ...ofRow(words, doubles), failing: result === 1 };
    default:
      throw new RangeError(`expected a known operation, found code ${words[SLOT.operation]}`);
  }
}

function settings(words: Int32Array, doubles: Float64Array): Settings {
  const flags = words[SLOT.result]!;
  return {
    policy: policyName(words[SLOT.weight]!),
    maxWaiting: words[SLOT.limit]!,
    whenEmpty: (flags & 1) === 1 ? 'hold' : 'refuse',
    widening: (flags & 2) === 2,
    position: doubles[SLOT.reference >> 1]!,
  };
}

function ofRow(words: Int32Array, doubles: Float64Array): OfRow {
  return {
    row: words[SLOT.row]!,
    backendKey: doubles[SLOT.backendKey >> 1]!,
    epoch: words[SLOT.epoch]!,
  };
}

function member(words: Int32Array) {
  const closed = words[SLOT.result]!;
  const limit = words[SLOT.limit]!;
  return {
    limit: limit === NO_LIMIT ? 0 : limit,
    weight: words[SLOT.weight]!,
    empty: (closed & CLOSED.empty) !== 0,
    removed: (closed & CLOSED.removed) !== 0,
    draining: (closed & CLOSED.draining) !== 0,
    starting: (closed & CLOSED.starting) !== 0,
    quarantined: (closed & CLOSED.quarantined) !== 0,
    ejected: (closed & CLOSED.ejected) !== 0,
    failing: (closed & CLOSED.failing) !== 0,
  };
}

function asked(words: Int32Array, doubles: Float64Array) {
  return {
    tried: tried(words, doubles),
    hash: doubles[SLOT.hash >> 1]!,
    route: routeAt(words, 0),
    wanted: doubles[SLOT.wanted >> 1]!,
  };
}

function health(words: Int32Array, doubles: Float64Array): HealthDefinition {
  return {
    failures: words[SLOT.result]!,
    windowMs: words[SLOT.limit]!,
    maxEjectedPercent: words[SLOT.weight]!,
    quarantineMs: doubles[SLOT.reference >> 1]!,
    slowStartMs: doubles[SLOT.untilMs >> 1]!,
  };
}

/** The route in the slot at `slot`. */
export function routeAt(words: Int32Array, slot: number): number {
  return words[slot + SLOT.routeHigh]! * HALF_ROUTE + words[slot + SLOT.routeLow]!;
}

function tried(words: Int32Array, doubles: Float64Array): readonly number[] {
  const count = words[SLOT.triedCount]!;
  return count === 0 ? NONE_TRIED : [...doubles.subarray(KEYS_IN_SLOT, KEYS_IN_SLOT + count)];
}
