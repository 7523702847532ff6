/** A pool as one request found it: every backend with what spoke for and against it, and the random numbers that were drawn. */
import { isReady } from '../../health/course.ts';
import { NO_UNIT, STATE, UNIT, unitOf } from '../../health/ward.ts';
import { type PolicyName, policyName } from '../../policy/policies.ts';
import { NONE } from '../../policy/policy.ts';
import { scoringOf } from '../../policy/scores.ts';
import type { Refusal, RowState } from '../ledger.ts';
import { CLOSED, NO_LIMIT, POOL, ROW } from '../memory/layout.ts';
import type { ReplayMemory } from './replay-memory.ts';
import type { ReplayedPool } from './replayed-pool.ts';

export type Asking = {
  readonly nowMs: number;
  /** Keys of the backends it has tried. */
  readonly tried: readonly number[];
  readonly hash: number;
  readonly route: number;
  /** Key of its home; 0: none. */
  readonly wanted: number;
};

export type Candidate = {
  readonly backendKey: number;
  /** It could be given to this request. */
  readonly open: boolean;
  /** Why not; undefined if it is open. */
  readonly against: 'tried' | 'full' | 'route_ejected' | 'not_home' | Exclude<RowState, 'up'> | undefined;
  readonly inFlight: number;
  /** Null: no limit. */
  readonly limit: number | null;
  /** The effective weight: below the one configured while a slow start lasts. */
  readonly weight: number;
  /** When its quarantine or ejection ends; null: it has neither, is out for another reason as well, or is on trial. */
  readonly untilMs: number | null;
  /** What the policy compares, where the least wins; null: the policy compares nothing. */
  readonly score: number | null;
  /** Its ejection is over, so it is tried before all others. */
  readonly isTrial: boolean;
  /** It is the client's home. */
  readonly isHome: boolean;
};

export type Draw = { readonly below: number; readonly drawn: number };

export type Look = {
  readonly policy: PolicyName;
  /** What the scores mean; null: the policy picks at random. */
  readonly measure: string | null;
  readonly candidates: readonly Candidate[];
  /** What the policy picks; null: nothing is open. */
  readonly picked: number | null;
  /** The refusal if nothing is open; null: the request waits. */
  readonly refusal: Refusal | null;
  /** The random numbers drawn on the way, in order. */
  readonly draws: readonly Draw[];
  readonly waiting: number;
  readonly maxWaiting: number;
};

/** Leaves the pool as it is. */
export function look(memory: ReplayMemory, pool: ReplayedPool, asking: Asking): Look {
  const { words } = memory.section;
  const { field, block } = pool;
  const policy = policyName(words[block + POOL.policy]!);
  field.forRequest(asking.nowMs, asking.tried, asking.hash, asking.route, asking.wanted);
  const { row, refusal, draws } = pool.peek();
  const { measure, score } = scoringOf(policy, asking.hash);
  const candidates: Candidate[] = [];
  for (let index = 0; index < field.rows; index++) {
    const at = field.placeOf(index);
    if ((words[at + ROW.closed]! & CLOSED.empty) !== 0) continue;
    candidates.push({
      ...candidateAt(memory, pool, index, asking),
      score: score === undefined ? null : score(field, index),
    });
  }
  return {
    policy,
    measure: measure ?? null,
    candidates,
    picked: row === NONE ? null : field.key(row),
    refusal: refusal ?? null,
    draws,
    waiting: pool.waiting,
    maxWaiting: words[block + POOL.maxWaiting]!,
  };
}

function candidateAt(
  memory: ReplayMemory,
  pool: ReplayedPool,
  row: number,
  { tried, route }: Asking,
): Omit<Candidate, 'score'> {
  const { words } = memory.section;
  const { field, ward } = pool;
  const at = field.placeOf(row);
  const limit = words[at + ROW.limit]!;
  const closed = words[at + ROW.closed]!;
  const backendKey = field.key(row);
  const inFlight = field.inFlight(row);
  const home = field.home();
  const open = home === NONE ? field.isOpen(row) : home === row && field.hasRoom(row);
  let against: Candidate['against'];
  if (!open) {
    if (tried.includes(backendKey)) against = 'tried';
    else if (home !== NONE && home !== row) against = 'not_home';
    else if (home === row) against = 'full';
    else against = whyClosed(closed) ?? (inFlight >= limit ? 'full' : 'route_ejected');
  }
  return {
    backendKey,
    open,
    against,
    inFlight,
    limit: limit === NO_LIMIT ? null : limit,
    weight: field.weight(row),
    untilMs: outUntil(memory, pool, row, route),
    isTrial: isReady(ward, row, route),
    isHome: home === row,
  };
}

/** Null if its operator took it out, and while a trial is under way, whose end nobody knows. */
function outUntil(
  memory: ReplayMemory,
  { field, ward }: ReplayedPool,
  row: number,
  route: number,
): number | null {
  const { words, doubles } = memory.section;
  const at = field.placeOf(row);
  const why = whyClosed(words[at + ROW.closed]!);
  if (why === 'quarantined') return doubles[(at + ROW.untilMs) >> 1]!;
  if (why !== undefined && why !== 'ejected') return null;
  const unit = why === 'ejected' ? 0 : unitOf(ward, row, route);
  if (unit === NO_UNIT || ward.get(row, unit, UNIT.state) !== STATE.ejected) return null;
  return ward.get(row, unit, UNIT.untilMs);
}

function whyClosed(closed: number): Exclude<RowState, 'up'> | undefined {
  if ((closed & CLOSED.removed) !== 0) return 'removed';
  if ((closed & CLOSED.draining) !== 0) return 'draining';
  if ((closed & CLOSED.starting) !== 0) return 'starting';
  if ((closed & CLOSED.quarantined) !== 0) return 'quarantined';
  if ((closed & CLOSED.ejected) !== 0) return 'ejected';
  return (closed & CLOSED.failing) !== 0 ? 'failing' : undefined;
}
