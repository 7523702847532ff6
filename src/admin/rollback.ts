/**
 * Makes settings what they were: at a moment of the past, of everything or of one owner. What happened since stays in
 * the log; what is undone is undone by new events, decided by the owners themselves.
 */
import { z } from 'zod';
import {
  type Answer,
  type Command,
  type Plan,
  type Present,
  type Rejection,
  refusalOfPlan,
} from '../../actors/index.ts';
import type { Json, PoolName, Recorded } from '../../eventlog/index.ts';
import { type Change, difference, MAX_CHANGES, type Routing } from '../config/index.ts';
import { type Scope, within } from '../history/index.ts';
import { bodyBy } from './body-by.ts';
import { byOf } from './by.ts';
import type { Call } from './call.ts';
import { commandsOf } from './commands-of.ts';
import { momentFrom, scopeFrom } from './moments.ts';
import type { AdminPorts } from './ports.ts';
import { Refused, rejected } from './problem.ts';
import { count, flag } from './query.ts';
import { facts, positionHeader } from './receipt.ts';
import { json, type Reply } from './reply.ts';
import { routingOf } from './routing-of.ts';

export const ROLLBACK_KEYS = ['to', 'domain', 'pool', 'dryRun', 'seen'] as const;

const rollbackBody = z.strictObject({
  to: z.union([z.int().min(0), z.string()]).optional(),
  domain: z.string().optional(),
  pool: z.string().optional(),
  dryRun: z.boolean().optional(),
  /** The position of a dry run: what it showed is what is done, or nothing is. */
  seen: z.int().min(0).optional(),
});

export async function postRollback(call: Call, ports: AdminPorts): Promise<Reply> {
  const body = await bodyBy(call, rollbackBody);
  const to = momentFrom(body.to ?? call.query.get('to'), 'to');
  if (to === undefined)
    throw new Refused('invalid_query', 'to: expected a position or a time, found nothing');
  const scope = scopeFrom(body.domain ?? call.query.get('domain'), body.pool ?? call.query.get('pool'));
  const past = await ports.history.ask('routing', { at: to, scope }, call.signal);
  // Who means nothing at all says 0: a wrong year must not empty the router.
  if (to.type === 'time' && past.position === 0)
    throw new Refused('invalid_query', 'to: expected a time since the log began, found one before it');
  if (body.dryRun ?? flag(call, 'dryRun')) return shownNow(ports, past, scope);
  const seen = body.seen ?? count(call, 'seen', { min: 0, max: Number.MAX_SAFE_INTEGER });
  const shown = seen === undefined ? undefined : await shownThen(call, ports, seen, past, scope);
  return carriedOut(call, ports, past, scope, shown);
}

/** What would change, and what would be said against it. */
async function shownNow(
  { desk }: AdminPorts,
  past: Routing & { readonly position: number },
  scope: Scope,
): Promise<Reply> {
  const present = await desk.present();
  const now = routingOf(within(present, scope));
  if (scope !== undefined && isEmpty(now) && isEmpty(past))
    throw unknown(scope, past.position, present.position);
  const changes = difference(now, past);
  const planned = restoring(changes, past, present);
  const refusal = planned.type === 'rejected' ? planned : refusalOfPlan(planned.commands, present);
  const refused =
    refusal === undefined ? null : { type: refusal.rejection.type, detail: refusal.rejection.detail };
  return json({ dryRun: true, to: past.position, position: present.position, refused, changes });
}

function isEmpty({ pools, domains }: Routing): boolean {
  return pools.size === 0 && domains.size === 0;
}

function unknown([first = '']: readonly string[], then: number, now: number): Refused {
  const kind = first.startsWith('pool-') ? 'pool' : 'domain';
  const name = first.slice(kind.length + 1);
  return new Refused(
    `${kind}_not_found`,
    `there is no ${kind} ${name}, neither at position ${then} nor now, at ${now}`,
  );
}

type Shown = { readonly position: number; readonly changes: readonly Change[] };

async function shownThen(
  call: Call,
  { history }: AdminPorts,
  position: number,
  past: Routing,
  scope: Scope,
): Promise<Shown> {
  const then = await history.ask('routing', { at: { type: 'position', position }, scope }, call.signal);
  return { position, changes: difference(then, past) };
}

async function carriedOut(
  call: Call,
  { desk, log }: AdminPorts,
  past: Routing & { readonly position: number },
  scope: Scope,
  shown: Shown | undefined,
): Promise<Reply> {
  let changes: readonly Change[] | undefined;
  let stale = false;
  const plan: Plan = (present) => {
    changes = difference(routingOf(within(present, scope)), past);
    stale = shown !== undefined && JSON.stringify(shown.changes) !== JSON.stringify(changes);
    if (stale) return { type: 'rejected', rejection: changedSince(shown?.position ?? 0, present.position) };
    return restoring(changes, past, present);
  };
  const digest: Json = {
    type: 'Rollback',
    to: past.position,
    scope: scope ?? null,
    seen: shown?.position ?? null,
  };
  const answer = await desk.carryOut(plan, byOf(call), digest);
  if (stale && shown !== undefined && answer.type === 'rejected')
    return withWinners(answer.rejection, await log.read({ from: shown.position + 1, limit: 100 }));
  return replyTo(answer, past.position, changes);
}

function changedSince(expected: number, found: number): Rejection {
  const detail = `expected routing as it was at position ${expected}, found it changed since; look again with --dry-run`;
  return { type: 'version_mismatch', detail, expected, found, won: [] };
}

/** Commands that make these changes, each on the condition that its owner still is as it was seen. */
export function restoring(changes: readonly Change[], past: Routing, present: Present): ReturnType<Plan> {
  if (changes.length > MAX_CHANGES) {
    const detail = `expected at most ${MAX_CHANGES} changes at once, found ${changes.length}; undo them by --domain or --pool`;
    return { type: 'rejected', rejection: { type: 'too_many_changes', detail } };
  }
  return {
    type: 'commands',
    commands: commandsOf(changes, past).map((command) => expecting(command, present)),
  };
}

function expecting(command: Command, { domains, pools }: Present): Command {
  const found = 'host' in command ? domains.get(command.host) : pools.get(command.pool as PoolName);
  return { ...command, ifVersion: found?.version ?? 0 } as Command;
}

function withWinners(rejection: Rejection, won: readonly Recorded[]): Reply {
  return rejected(rejection.type === 'version_mismatch' ? { ...rejection, won } : rejection);
}

function replyTo(answer: Answer, to: number, changes: readonly Change[] | undefined): Reply {
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const { position, changed } = facts(answer);
  const what = changes === undefined ? { repeated: true } : { changes };
  return json({ dryRun: false, to, position, changed, ...what }, positionHeader(answer));
}
