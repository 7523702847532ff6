/** The wish for other threads in the place of those that route, one after the other. */
import { z } from 'zod';
import { bodyBy } from './body-by.ts';
import { type Call, header } from './call.ts';
import type { AdminPorts } from './ports.ts';
import { problem } from './problem.ts';
import { json, type Reply } from './reply.ts';

const replaceBody = z.strictObject({
  worker: z.int().min(1).max(4095).optional(),
});

/** RFC 7240 §4.3: `Prefer: wait` is for who wants to know how the former ones ended. */
const WAIT = /(?:^|,)\s*wait(?:\s*=\s*"?\d+"?)?\s*(?:;|,|$)/i;

export async function replaceWorkers(call: Call, { replace }: AdminPorts): Promise<Reply> {
  const { worker } = await bodyBy(call, replaceBody);
  const answer = await replace(worker, WAIT.test(header(call, 'prefer') ?? ''));
  if (answer.problem === undefined) return json({ replaced: answer.replaced });
  const { type, detail } = answer.problem;
  return problem(type, detail, { members: { replaced: answer.replaced } });
}
