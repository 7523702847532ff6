/**
 * What a policy compares among the open rows, as a number for people, where the least wins. The policies themselves do not
 * use it.
 */
import { lotOf, mix } from '../../lots.ts';
import { loadOf } from './peak-ewma.ts';
import type { PolicyName } from './policies.ts';
import type { Field, Row } from './policy.ts';

export type Score = (field: Field, row: Row) => number;

export type Scoring = {
  /** What the number means; undefined for a policy that picks at random. */
  readonly measure: string | undefined;
  readonly score: Score | undefined;
};

/** `hash`: what keeps requests together; 0: none. */
export function scoringOf(policy: PolicyName, hash: number): Scoring {
  switch (policy) {
    case 'least-request':
      return IN_FLIGHT;
    case 'p2c':
      return { measure: 'requests in flight ÷ weight, of the two drawn', score: perWeight };
    case 'round-robin':
      return { measure: 'middle of its next turn, in rounds', score: middleOfTurn };
    case 'peak-ewma':
      return { measure: 'squared latency × (in flight + 1) ÷ weight', score: loadOf };
    case 'consistent-hash':
      // A request without a key belongs nowhere.
      return hash === 0 ? IN_FLIGHT : { measure: 'lot of the key, by weight', score: lotOfRow };
    case 'random':
      return { measure: undefined, score: undefined };
  }
}

const IN_FLIGHT: Scoring = { measure: 'requests in flight ÷ weight', score: perWeight };

function perWeight(field: Field, row: Row): number {
  return field.inFlight(row) / field.weight(row);
}

function lotOfRow(field: Field, row: Row): number {
  return lotOf(mix(field.key(row), field.hash), field.weight(row));
}

function middleOfTurn(field: Field, row: Row): number {
  return Math.max(field.score(row), field.mark()) + 1 / (2 * field.weight(row));
}
