/** How the present routing becomes a wished one: a difference, checked for too many removals, then commands. */
import type { Plan, Present, Rejection } from '../../actors/index.ts';
import { type Change, describeExcess, difference, excessiveRemovals, type Routing } from '../config/index.ts';
import { commandsOf } from './commands-of.ts';
import { routingOf } from './routing-of.ts';

export type Planned = { readonly changes: readonly Change[]; readonly refusal: Rejection | undefined };

export function planned(present: Present, wished: Routing, allowRemovals: number): Planned {
  const before = routingOf(present);
  const changes = difference(before, wished);
  const excess = excessiveRemovals(changes, before, allowRemovals);
  if (excess.length === 0) return { changes, refusal: undefined };
  return { changes, refusal: { type: 'too_many_removals', detail: describeExcess(excess) } };
}

export function planFor(wished: Routing, allowRemovals: number): Plan {
  return (present) => {
    const { changes, refusal } = planned(present, wished, allowRemovals);
    if (refusal !== undefined) return { type: 'rejected', rejection: refusal };
    return { type: 'commands', commands: commandsOf(changes, wished) };
  };
}
