/** Which children share the fate of one that ended. Pure: places in start order go in, places come out. */
import { type ChildEnd, isRestarted, type Restart } from './child-spec.ts';

/**
 * one_for_one: only that child is restarted. one_for_all: all are. rest_for_one: those started after it, which may depend
 * on it, are too.
 */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

export type Plan =
  | { readonly type: 'leave' }
  | {
      readonly type: 'restart';
      /** Places to stop, in this order: last started first. */
      readonly stop: readonly number[];
      /** Places to start, in this order: that of the specification. */
      readonly start: readonly number[];
    };

/** `restarts`: the restart type of each child, in start order. */
export function planAfter(
  strategy: Strategy,
  restarts: readonly Restart[],
  ended: number,
  end: ChildEnd,
): Plan {
  const restart = restarts[ended];
  if (restart === undefined || !isRestarted(restart, end)) return { type: 'leave' };
  if (strategy === 'one_for_one') return { type: 'restart', stop: [], start: [ended] };
  const first = strategy === 'one_for_all' ? 0 : ended;
  const group = restarts.map((_, place) => place).slice(first);
  return {
    type: 'restart',
    stop: group.filter((place) => place !== ended).reverse(),
    // A temporary sibling is stopped with the group and, as always, not restarted. A transient one that ended normally long
    // ago does start again: its specification is still there (as in OTP).
    start: group.filter((place) => restarts[place] !== 'temporary'),
  };
}
