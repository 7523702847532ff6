/** Parses bodies into settings: a refusal lists every wrong place, what was expected there, and what was found. */
import { type Checked, MOST_SHOWN, type Problem, renderProblem } from '../../config/index.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';

export async function wishOf<T>(call: Call, parse: (raw: unknown) => Checked<T>): Promise<T> {
  return checked(parse(await call.body()));
}

export function checked<T>(result: Checked<T>): T {
  if (result.ok) return result.value;
  throw unfit('invalid_settings', result.problems);
}

/** `found`: the total number of problems, of which these are the first. */
export function unfit(
  type: 'invalid_settings' | 'malformed_json' | 'pool_unknown',
  problems: readonly Problem[],
  found = problems.length,
): Refused {
  const first = problems[0];
  const rest = found > 1 ? ` (and ${found - 1} more)` : '';
  const detail = first === undefined ? 'unfit' : renderProblem(first) + rest;
  return new Refused(type, detail, { members: { problems: problems.slice(0, MOST_SHOWN) } });
}
