/** Changes on trial: confirmed, or listed. */
import { z } from 'zod';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { byOf } from '../http/command-headers.ts';
import { problem, rejected } from '../http/problem.ts';
import { json, type Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

const body = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/, 'expected the id that apply gave, twelve hexadecimal digits'),
});

export async function postConfirm(call: Call, { confirmations }: AdminPorts): Promise<Reply> {
  const { id } = await bodyBy(call, body);
  const found = (await confirmations?.confirm(id, { author: byOf(call).author })) ?? { type: 'unknown' };
  switch (found.type) {
    case 'confirmed':
      return json({ id, confirmed: true });
    case 'rejected':
      return rejected(found.rejection);
    case 'undone':
      return problem('confirmation_late', late(id, found.left), { members: { left: found.left } });
    case 'unknown':
      return problem(
        'confirmation_unknown',
        `no change ${id} is on trial; GET /v1/confirmations lists those that are`,
      );
  }
}

function late(id: string, left: readonly string[]): string {
  const undone = `change ${id} was not confirmed in time and is undone`;
  return left.length === 0 ? undone : `${undone}, but for ${left.length}: ${left.join('; ')}`;
}

export async function getConfirmations(_call: Call, { confirmations }: AdminPorts): Promise<Reply> {
  return json({ items: confirmations?.list() ?? [] });
}
