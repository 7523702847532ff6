/** All policies, by the name used in settings and by the code used in shared memory and records. */
import { consistentHash } from './consistent-hash.ts';
import { leastRequest } from './least-request.ts';
import { p2c } from './p2c.ts';
import { learnLatency, peakEwma } from './peak-ewma.ts';
import type { Learn, Policy } from './policy.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';

export type PolicyName = 'least-request' | 'round-robin' | 'random' | 'p2c' | 'peak-ewma' | 'consistent-hash';

// Codes are in records of the past: a name keeps its place for ever.
const NAMES: readonly PolicyName[] = [
  'least-request',
  'round-robin',
  'random',
  'p2c',
  'peak-ewma',
  'consistent-hash',
];

const POLICIES = {
  'least-request': leastRequest,
  'round-robin': roundRobin,
  random,
  p2c,
  'peak-ewma': peakEwma,
  'consistent-hash': consistentHash,
} as const satisfies Record<PolicyName, Policy>;

export function policyCode(name: PolicyName): number {
  return NAMES.indexOf(name);
}

export function policyOf(code: number): Policy {
  return POLICIES[policyName(code)];
}

/** How the policy learns from a check-in; undefined: it does not. */
export function learnOf(code: number): Learn | undefined {
  return policyName(code) === 'peak-ewma' ? learnLatency : undefined;
}

export function policyName(code: number): PolicyName {
  const name = NAMES[code];
  if (name === undefined) throw new RangeError(`expected a policy code below ${NAMES.length}, found ${code}`);
  return name;
}
