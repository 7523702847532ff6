/** Plans the way from the routing in force to the wished one, unless it removes or changes too much at once. */
import type { Plan, Rejection } from '../../actors/index.ts';
import {
  type Change,
  countsOf,
  describeExcess,
  difference,
  excessiveRemovals,
  MAX_CHANGES,
  type Removable,
  type Routing,
  removedBy,
} from '../config/index.ts';
import { commandsOf } from './commands-of.ts';
import { routingOf } from './routing-of.ts';

export type Compared = { readonly changes: readonly Change[]; readonly refusal: Rejection | undefined };

/** For `desk.carryOut`, with a wish in memory: compares it within the turn, in one step. */
export function planFor(wished: Routing, allowRemovals: number): Plan {
  return async (now) => {
    const { changes, refusal } = compared(routingOf(await now.everything()), wished, allowRemovals);
    if (refusal !== undefined) return { type: 'rejected', rejection: refusal };
    return { type: 'commands', commands: commandsOf(changes, wished) };
  };
}

export function compared(before: Routing, wished: Routing, allowRemovals: number): Compared {
  const changes = difference(before, wished);
  const refusal = tooManyRemovals(removedBy(changes), countsOf(before), allowRemovals);
  if (refusal !== undefined) return { changes, refusal };
  if (changes.length <= MAX_CHANGES) return { changes, refusal: undefined };
  const detail = `expected at most ${MAX_CHANGES} changes at once, found ${changes.length}; use import for more`;
  return { changes, refusal: { type: 'too_many_changes', detail } };
}

export function tooManyRemovals(
  removed: Removable,
  present: Removable,
  allowRemovals: number,
): Rejection | undefined {
  const excess = excessiveRemovals(removed, present, allowRemovals);
  return excess.length === 0 ? undefined : { type: 'too_many_removals', detail: describeExcess(excess) };
}
