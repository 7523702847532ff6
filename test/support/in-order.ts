/** One pool's operations out of a journal, in the order of their tickets, for a loop. */
import { AllInOrder, type LedgerRecord } from '../../actors/index.ts';
import type { OperationBlock } from '../../eventlog/index.ts';

export type Step =
  | { readonly type: 'operation'; readonly record: LedgerRecord }
  /** The journal has none of these tickets, both included. */
  | { readonly type: 'gap'; readonly fromTicket: number; readonly toTicket: number };

/** `blocks`: as a journal's reader gives them, of this pool or of all. */
export function* inOrder(blocks: Iterable<OperationBlock>, poolKey: number): Generator<Step, void> {
  const steps: Step[] = [];
  const order = new AllInOrder({
    operation: (record) => void steps.push({ type: 'operation', record }),
    gap: (_pool, fromTicket, toTicket) => void steps.push({ type: 'gap', fromTicket, toTicket }),
    run() {},
  });
  for (const block of blocks) {
    order.take(block, poolKey);
    yield* steps.splice(0);
  }
  order.end();
  yield* steps.splice(0);
}
