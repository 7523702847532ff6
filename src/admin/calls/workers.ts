/** Replaces the routing threads, one after the other. */
import { z } from 'zod';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { WAITED, waitOf } from '../http/prefer.ts';
import { problem } from '../http/problem.ts';
import { json, type Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

const replaceBody = z.strictObject({
  worker: z.int().min(1).max(4095).optional(),
});

/** 202: some of the former workers are still there after the time to wait; they continue. */
export async function replaceWorkers(call: Call, { replace }: AdminPorts): Promise<Reply> {
  const { worker } = await bodyBy(call, replaceBody);
  const waitMs = waitOf(call);
  const { replaced, problem: refused } = await replace(worker, waitMs ?? 0);
  if (refused !== undefined) return problem(refused.type, refused.detail, { members: { replaced } });
  if (waitMs === undefined) return json({ replaced });
  return json({ replaced }, WAITED, replaced.every((one) => 'cut' in one) ? 200 : 202);
}
