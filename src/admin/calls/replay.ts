/**
 * Replays recorded traffic through the routing core: verifies every recorded decision, or shows what would have been
 * different.
 */
import { z } from 'zod';
import { poolSettings } from '../../../eventlog/settings/settings.ts';
import { parsePoolWish } from '../../config/index.ts';
import type { WishOf } from '../../history/index.ts';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { momentFrom } from '../http/moments.ts';
import { answered } from '../http/poured.ts';
import { Refused } from '../http/problem.ts';
import type { Reply } from '../http/reply.ts';
import { checked, unfit } from '../http/wish.ts';
import type { AdminPorts } from '../ports.ts';

const MOST_BACKENDS = 1000;

const moment = z.union([z.int().min(0), z.string()]).optional();
const replayBody = z.strictObject({
  verify: z.boolean().optional(),
  from: moment,
  to: moment,
  pool: z.string().optional(),
  policy: poolSettings.shape.policy.unwrap().optional(),
  without: z.array(z.int().min(1)).max(MOST_BACKENDS).optional(),
  with: z.looseObject({ pools: z.record(z.string(), z.unknown()).optional() }).optional(),
  backends: z.int().min(-MOST_BACKENDS).max(MOST_BACKENDS).optional(),
});
type Body = z.output<typeof replayBody>;
type WhatIfWish = WishOf<'whatIf'>;

const ALTERATIONS = 'policy, without, with, backends';

export async function postReplay(call: Call, ports: AdminPorts): Promise<Reply> {
  const body = await bodyBy(call, replayBody);
  const from = momentFrom(body.from, 'from');
  const to = momentFrom(body.to, 'to');
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  const { policy, without, with: set, backends } = body;
  const isOtherwise = [policy, without, set, backends].some((each) => each !== undefined);
  if (body.verify === true && isOtherwise)
    throw new Refused(
      'invalid_query',
      `verify: expected no change to simulate beside it (${ALTERATIONS}), found one`,
    );
  if (isOtherwise) return answered(call, ports.history, 'whatIf', { ...range, ...alterationOf(body, ports) });
  if (body.pool !== undefined)
    throw new Refused(
      'invalid_query',
      `pool: expected a change to simulate beside it (${ALTERATIONS}), found none`,
    );
  return answered(call, ports.history, 'replay', range);
}

function alterationOf(
  { pool, policy, without, with: set, backends }: Body,
  { ownAddresses }: AdminPorts,
): WhatIfWish {
  const own = ownAddresses();
  const pools = Object.entries(set?.pools ?? {}).map(([name, raw]) => {
    const { settings, backends: members } = checked(parsePoolWish(raw, own));
    return [
      name,
      { settings, ...(members === undefined ? {} : { backends: Object.fromEntries(members) }) },
    ] as const;
  });
  if (set !== undefined && pools.length === 0)
    throw unfit('invalid_settings', [{ path: 'with', expected: 'pools', found: 'none' }]);
  return {
    ...(pool === undefined ? {} : { pool }),
    ...(policy === undefined ? {} : { policy }),
    ...(without === undefined ? {} : { without }),
    ...(set === undefined ? {} : { with: Object.fromEntries(pools) }),
    ...(backends === undefined ? {} : { backends }),
  };
}
