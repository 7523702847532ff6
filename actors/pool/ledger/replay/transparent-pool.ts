/** A restored pool that can be inspected: what would be picked, and who waits for what. */
import { NONE } from '../../policy/policy.ts';
import type { Refusal } from '../ledger.ts';
import { NODE } from '../memory/layout.ts';
import { RestoredPool } from './restored-pool.ts';

export type Waiting = {
  readonly tried: readonly number[];
  readonly hash: number;
  readonly route: number;
  readonly wanted: number;
  readonly before: number;
};

export type Peek = {
  readonly row: number;
  /** Why nothing was picked; undefined: it would wait, or a row was picked. */
  readonly refusal: Refusal | undefined;
  readonly draws: readonly { below: number; drawn: number }[];
};

export class TransparentPool extends RestoredPool {
  /** What would be picked for the request that `field` was set to, with the random numbers drawn. Nothing is changed. */
  peek(): Peek {
    const { field } = this;
    const draws: { below: number; drawn: number }[] = [];
    const below = field.below.bind(field);
    field.below = (bound) => {
      const drawn = below(bound);
      draws.push({ below: bound, drawn });
      return drawn;
    };
    try {
      const row = this.pick();
      return { row, refusal: row === NONE ? this.refusal() : undefined, draws };
    } finally {
      field.below = below;
      this.memory.section.rollback();
    }
  }

  /** What the waiter that was queued under this ticket asks for, and how many are before it. */
  waiter(ticket: number): Waiting | undefined {
    const node = this.waiters.get(ticket);
    if (node === undefined) return undefined;
    const { words, doubles } = this.memory.section;
    const tried = Array.from(
      { length: words[node + NODE.triedCount]! },
      (_, i) => doubles[((node + NODE.tried) >> 1) + i]!,
    );
    let before = 0;
    for (let at = words[node + NODE.previous]!; at !== 0; at = words[at + NODE.previous]!) before++;
    return {
      tried,
      hash: doubles[(node + NODE.hash) >> 1]!,
      route: doubles[(node + NODE.route) >> 1]!,
      wanted: doubles[(node + NODE.wanted) >> 1]!,
      before,
    };
  }
}
