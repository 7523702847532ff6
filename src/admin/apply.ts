/** Makes all pools and domains equal to the wished ones, at one position or not at all. */
import type { Answer, Plan, Present, Rejection } from '../../actors/index.ts';
import type { Json } from '../../eventlog/index.ts';
import {
  type Change,
  describeExcess,
  difference,
  excessiveRemovals,
  MAX_CHANGES,
  parseRouting,
  type Routing,
  routingJson,
} from '../config/index.ts';
import { byOf } from './by.ts';
import type { Call } from './call.ts';
import { commandsOf } from './commands-of.ts';
import type { AdminPorts } from './ports.ts';
import { Refused, rejected } from './problem.ts';
import { count, flag } from './query.ts';
import { facts, positionHeader } from './receipt.ts';
import { json, type Reply } from './reply.ts';
import { routingOf } from './routing-of.ts';
import { wishOf } from './wish.ts';

// All the names there could be: an allowance, not a size.
const MAX_ALLOWANCE = 10_000_000;

type Planned = { readonly changes: readonly Change[]; readonly refusal: Rejection | undefined };

export async function apply(call: Call, ports: AdminPorts): Promise<Reply> {
  const dryRun = flag(call, 'dryRun');
  const allowRemovals = count(call, 'allowRemovals', { min: 0, max: MAX_ALLOWANCE }) ?? 0;
  const wished = await wishOf(call, (raw) => parseRouting(said(raw), ports.ownAddresses()));
  if (dryRun) return shown(await ports.desk.present(), wished, allowRemovals);
  return carriedOut(call, ports, wished, allowRemovals);
}

/** Nothing at all said is no wish for nothing at all: a truncated or misspelt file must not empty the router. */
function said(raw: unknown): unknown {
  const silent = typeof raw === 'object' && raw !== null && Object.keys(raw).length === 0;
  if (raw !== undefined && !silent) return raw;
  throw new Refused('invalid_settings', 'expected pools and domains, found neither');
}

function shown(present: Present, wished: Routing, allowRemovals: number): Reply {
  const { changes, refusal } = planned(present, wished, allowRemovals);
  const refused = refusal === undefined ? null : { type: refusal.type, detail: refusal.detail };
  return json({ dryRun: true, position: present.position, refused, changes });
}

async function carriedOut(
  call: Call,
  ports: AdminPorts,
  wished: Routing,
  allowRemovals: number,
): Promise<Reply> {
  let changes: readonly Change[] | undefined;
  const plan: Plan = (present) => {
    const made = planned(present, wished, allowRemovals);
    changes = made.changes;
    if (made.refusal !== undefined) return { type: 'rejected', rejection: made.refusal };
    return { type: 'commands', commands: commandsOf(made.changes, wished) };
  };
  const digest = { type: 'Apply', allowRemovals, ...routingJson(wished) } as unknown as Json;
  return replyTo(await ports.desk.carryOut(plan, byOf(call), digest), changes);
}

/** A repeated command is not planned again: its changes are history, to be read in the events. */
function replyTo(answer: Answer, changes: readonly Change[] | undefined): Reply {
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const { position, changed } = facts(answer);
  const what = changes === undefined ? { repeated: true } : { changes };
  return json({ dryRun: false, position, changed, ...what }, positionHeader(answer));
}

function planned(present: Present, wished: Routing, allowRemovals: number): Planned {
  const before = routingOf(present);
  const changes = difference(before, wished);
  const excess = excessiveRemovals(changes, before, allowRemovals);
  if (excess.length > 0) {
    return { changes, refusal: { type: 'too_many_removals', detail: describeExcess(excess) } };
  }
  if (changes.length <= MAX_CHANGES) return { changes, refusal: undefined };
  const detail = `expected at most ${MAX_CHANGES} changes at once, found ${changes.length}; use import for more`;
  return { changes, refusal: { type: 'too_many_changes', detail } };
}
