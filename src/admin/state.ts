/** All routing state, now or at a past position or time, in the shape that `apply` takes. */
import { type Moment, parseMoment } from '../history/index.ts';
import type { Call } from './call.ts';
import type { AdminPorts } from './ports.ts';
import { poured } from './poured.ts';
import { Refused } from './problem.ts';
import type { Reply } from './reply.ts';

export async function getState(call: Call, { history }: AdminPorts): Promise<Reply> {
  const at = momentOf(call, 'at');
  return poured(call, history, 'state', at === undefined ? {} : { at }, 'application/json');
}

export function momentOf(call: Call, key: string): Moment | undefined {
  const text = call.query.get(key);
  if (text === undefined) return undefined;
  const parsed = parseMoment(text);
  if (parsed.ok) return parsed.value;
  throw new Refused('invalid_query', `${key}: ${parsed.problem}`);
}
