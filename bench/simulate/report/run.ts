/** What the tables are made from: a run of a scenario, always with the same seed. */
import type { Scenario } from '../scenario.ts';
import type { Outcome } from '../simulation.ts';

export type Run = (scenario: Scenario) => Promise<Outcome>;
export type Policy = Pick<Scenario, 'policy' | 'limit'>;

export const SEED = 1;
export const EXACT: Policy = { policy: 'least-request', limit: 1 };
