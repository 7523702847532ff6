/** A pool as plain rows, for policies. */
import { expect } from 'vitest';
import { drawOf, nextChance } from '../../../../actors/pool/policy/chance.ts';
import type { Field, Policy } from '../../../../actors/pool/policy/policy.ts';

export interface PlainRow {
  inFlight: number;
  weight: number;
  open: boolean;
  score: number;
  key: number;
  latencyMs: number;
  failing: number;
  learntAtMs: number;
}

export interface PlainField extends Field {
  readonly all: readonly PlainRow[];
  nowMs: number;
  hash: number;
  /** How often chance was asked. */
  draws: number;
}

export function row(more: Partial<PlainRow> = {}): PlainRow {
  const learnt = { latencyMs: -1, failing: 0, learntAtMs: 0 };
  return { inFlight: 0, weight: 1, open: true, score: -1, key: 1, ...learnt, ...more };
}

export function plainField(all: readonly PlainRow[], seed = 1): PlainField {
  let chance = seed;
  let mark = 0;
  const at = (index: number): PlainRow => {
    const found = all[index];
    if (found === undefined) throw new RangeError(`expected a row below ${all.length}, found ${index}`);
    return found;
  };
  return {
    all,
    nowMs: 0,
    hash: 0,
    draws: 0,
    rows: all.length,
    isOpen: (index) => at(index).open,
    inFlight: (index) => at(index).inFlight,
    weight: (index) => at(index).weight,
    key: (index) => at(index).key,
    latencyMs: (index) => at(index).latencyMs,
    failing: (index) => at(index).failing,
    learntAtMs: (index) => at(index).learntAtMs,
    learn(index, latencyMs, failing) {
      Object.assign(at(index), { latencyMs, failing, learntAtMs: this.nowMs });
    },
    score: (index) => at(index).score,
    setScore: (index, score) => {
      at(index).score = score;
    },
    mark: () => mark,
    setMark: (next) => {
      mark = next;
    },
    below(bound) {
      this.draws += 1;
      chance = nextChance(chance);
      return drawOf(chance, bound);
    },
  };
}

/** How often each row is picked, where picks change nothing in flight. */
export function counts(policy: Policy, field: PlainField, picks: number): number[] {
  const picked = field.all.map(() => 0);
  for (let i = 0; i < picks; i++) picked[policy(field)]! += 1;
  return picked;
}

/** Within five standard deviations of a fair draw. */
export function expectShares(picked: readonly number[], weights: readonly number[]): void {
  const total = weights.reduce((a, b) => a + b);
  const picks = picked.reduce((a, b) => a + b);
  for (const [i, weight] of weights.entries()) {
    const share = weight / total;
    const deviation = Math.sqrt(picks * share * (1 - share));
    expect(Math.abs(picked[i]! - picks * share), `row ${i} of ${picked}`).toBeLessThan(5 * deviation + 1);
  }
}
