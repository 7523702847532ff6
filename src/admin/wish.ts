/** Bodies read into wishes: a refusal lists every place that is wrong, what was expected there, and what was found. */
import { type Checked, type Problem, renderProblem } from '../config/index.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';

export async function wishOf<T>(call: Call, parse: (raw: unknown) => Checked<T>): Promise<T> {
  return checked(parse(await call.body()));
}

export function checked<T>(result: Checked<T>): T {
  if (result.ok) return result.value;
  throw unfit('invalid_settings', result.problems);
}

// 100: enough to see the pattern of a wrong file, bounded for a file that is wrong throughout.
const SHOWN = 100;

export function unfit(type: 'invalid_settings' | 'malformed_json', problems: readonly Problem[]): Refused {
  const first = problems[0];
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const detail = first === undefined ? 'unfit' : renderProblem(first) + rest;
  return new Refused(type, detail, { members: { problems: problems.slice(0, SHOWN) } });
}
