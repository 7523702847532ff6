/** Routing state, now or at a past position or time, in the shape that `apply` takes; and what differs between two. */
import type { Call } from '../http/call.ts';
import { momentOf, scopeOf } from '../http/moments.ts';
import { poured, wantsLines } from '../http/poured.ts';
import { Refused } from '../http/problem.ts';
import type { Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

export async function getState(call: Call, { history }: AdminPorts): Promise<Reply> {
  const asLines = wantsLines(call);
  const wish = { at: momentOf(call, 'at'), scope: scopeOf(call), asLines };
  return poured(call, history, 'state', wish, typeOf(asLines));
}

export async function getDiff(call: Call, { history }: AdminPorts): Promise<Reply> {
  const from = momentOf(call, 'from');
  const to = momentOf(call, 'to');
  if (from === undefined)
    throw new Refused('invalid_query', 'from: expected a position or a time, found nothing');
  const asLines = wantsLines(call);
  const wish = { from, ...(to === undefined ? {} : { to }), scope: scopeOf(call), asLines };
  return poured(call, history, 'difference', wish, typeOf(asLines));
}

function typeOf(asLines: boolean) {
  return asLines ? 'application/x-ndjson' : 'application/json';
}
