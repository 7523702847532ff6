/** The policies there are, by the name an operator gives and the code that shared memory and records hold. */
import { leastRequest } from './least-request.ts';
import type { Policy } from './policy.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';

export type PolicyName = 'least-request' | 'round-robin' | 'random';

// Codes are in records of the past: a name keeps its place for ever.
const NAMES: readonly PolicyName[] = ['least-request', 'round-robin', 'random'];

const POLICIES: readonly Policy[] = [leastRequest, roundRobin, random];

export function policyCode(name: PolicyName): number {
  return NAMES.indexOf(name);
}

export function policyOf(code: number): Policy {
  const policy = POLICIES[code];
  if (policy === undefined)
    throw new RangeError(`expected a policy code below ${POLICIES.length}, found ${code}`);
  return policy;
}

export function policyName(code: number): PolicyName {
  const name = NAMES[code];
  if (name === undefined) throw new RangeError(`expected a policy code below ${NAMES.length}, found ${code}`);
  return name;
}
