/** How to get from what is routed to what is wished, unless that takes away or changes too much at once. */
import type { Plan, Present, Rejection } from '../../actors/index.ts';
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

/** For `desk.carryOut`; `seen` is told the changes, refused or not, of the present that the plan was made against. */
export function planFor(
  wished: Routing,
  allowRemovals: number,
  seen: (changes: readonly Change[]) => void = () => {},
): Plan {
  return async (now) => {
    const { changes, refusal } = compared(await now.everything(), wished, allowRemovals);
    seen(changes);
    if (refusal !== undefined) return { type: 'rejected', rejection: refusal };
    return { type: 'commands', commands: commandsOf(changes, wished) };
  };
}

export function compared(present: Present, wished: Routing, allowRemovals: number): Compared {
  const before = routingOf(present);
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
