/** Read-only SQL over the views of log and journal. */
import { z } from 'zod';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { momentFrom } from '../http/moments.ts';
import { json, type Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

const MOST_ROWS = 10_000;
const ROWS = 1000;
const MOST_MS = 10_000;

const moment = z.union([z.int().min(0), z.string()]).optional();
const queryBody = z.strictObject({
  sql: z.string().min(1).max(100_000),
  since: moment,
  until: moment,
  timeoutMs: z.int().min(100).max(MOST_MS).default(MOST_MS),
  limit: z.int().min(1).max(MOST_ROWS).default(ROWS),
});

export async function postQuery(call: Call, { history }: AdminPorts): Promise<Reply> {
  const { since: from, until: to, ...asked } = await bodyBy(call, queryBody);
  const since = momentFrom(from, 'since');
  const until = momentFrom(to, 'until');
  const wish = {
    ...asked,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  return json(await history.ask('query', wish, call.signal));
}
