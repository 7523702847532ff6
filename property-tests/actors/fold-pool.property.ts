/** A fold that changes what it made comes to the same as one that makes all anew, and leaves alone where it began. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poolDecider } from '../../actors/pool/pool.ts';
import type { PoolState } from '../../actors/pool/pool-state.ts';
import type { BackendId, PoolEvent } from '../../eventlog/index.ts';

// Some that sort as numbers do, and one that every object inherits.
const id = fc.constantFrom('b', 'a', '2', '10', 'constructor').map((name) => name as BackendId);
const backend = fc.nat({ max: 9 }).map((port) => ({ address: `127.0.0.1:900${port}` }));
const untilMs = fc.nat();
const event: fc.Arbitrary<PoolEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('BackendAdded'), data: fc.record({ id, backend }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('BackendChanged'), data: fc.record({ id, backend }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('BackendRemoved'), data: fc.record({ id }) }) },
  fc.record({ type: fc.constant('BackendDrainStarted'), data: fc.record({ id, untilMs }) }),
  fc.record({
    type: fc.constant('BackendDrained'),
    data: fc.record({ id, finished: untilMs, cut: untilMs }),
  }),
  fc.record({ type: fc.constant('BackendStarted'), data: fc.record({ id }) }),
  fc.record({ type: fc.constant('PoolCreated'), data: fc.record({ settings: fc.constant({}) }) }),
  fc.record({ type: fc.constant('PoolRemoved'), data: fc.record({}) }),
);

function folded(from: PoolState, happened: readonly PoolEvent[], isScratched: boolean): PoolState {
  const scratch = isScratched ? new WeakSet() : undefined;
  return happened.reduce(
    (state, each, index) => poolDecider.evolve(state, { ...each, version: index + 1 }, scratch),
    from,
  );
}

describe('the fold of a pool', () => {
  it('is the same, keys in order, whether it shows what lies between or not', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30, size: 'max' }),
        fc.array(event, { maxLength: 30, size: 'max' }),
        (before, after) => {
          const from = folded(null, before, true);
          const text = JSON.stringify(from);
          const plain = folded(from, after, false);
          expect(JSON.stringify(folded(from, after, true))).toBe(JSON.stringify(plain));
          expect(JSON.stringify(from)).toBe(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});
