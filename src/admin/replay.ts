/** Recorded traffic through the routing core again: proves every recorded decision. */
import { z } from 'zod';
import { bodyBy } from './body-by.ts';
import type { Call } from './call.ts';
import { momentFrom } from './moments.ts';
import type { AdminPorts } from './ports.ts';
import { Refused } from './problem.ts';
import { json, type Reply } from './reply.ts';

const moment = z.union([z.int().min(0), z.string()]).optional();
const replayBody = z.strictObject({ verify: z.boolean().optional(), from: moment, to: moment });

export async function postReplay(call: Call, { history }: AdminPorts): Promise<Reply> {
  const { verify, from: first, to: last } = await bodyBy(call, replayBody);
  if (verify !== true)
    throw new Refused('invalid_query', 'verify: expected true, found nothing to replay for');
  const from = momentFrom(first, 'from');
  const to = momentFrom(last, 'to');
  const wish = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  return json(await history.ask('replay', wish, call.signal));
}
