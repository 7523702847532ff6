/** Why a recorded request went where it went. */
import type { Call } from './call.ts';
import type { AdminPorts } from './ports.ts';
import { Refused } from './problem.ts';
import { json, type Reply } from './reply.ts';

// 200: an id that a trusted peer gave is at most that long.
const LONGEST_ID = 200;

export async function getRequest(call: Call, { history }: AdminPorts): Promise<Reply> {
  const id = call.params.get('id') ?? '';
  if (id.length > LONGEST_ID)
    throw new Refused('invalid_query', `id: expected at most ${LONGEST_ID} characters, found ${id.length}`);
  return json(await history.ask('explain', { id }, call.signal));
}
