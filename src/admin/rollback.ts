/**
 * Makes settings what they were: at a moment of the past, of everything or of one owner. What happened since stays in
 * the log; what is undone is undone by new events, decided by the owners themselves.
 */
import { z } from 'zod';
import type { Answer, Plan } from '../../actors/index.ts';
import type { Json } from '../../eventlog/index.ts';
import { type Change, difference, MAX_ALLOWANCE, type Routing } from '../config/index.ts';
import { type Moment, type Scope, within } from '../history/index.ts';
import { bodyBy } from './body-by.ts';
import { byOf } from './by.ts';
import type { Call } from './call.ts';
import { momentFrom, scopeFrom } from './moments.ts';
import type { AdminPorts } from './ports.ts';
import { Refused } from './problem.ts';
import { count, flag } from './query.ts';
import { facts, positionHeader } from './receipt.ts';
import { json, type Reply } from './reply.ts';
import { refusedOf, restoringWithin, type Shown, staleness, withWinners } from './restoring.ts';
import { routingOf } from './routing-of.ts';
import { type UndoWish, undo } from './undo.ts';

export const ROLLBACK_KEYS = ['to', 'change', 'domain', 'pool', 'dryRun', 'seen', 'allowRemovals'] as const;

const rollbackBody = z.strictObject({
  to: z.union([z.int().min(0), z.string()]).optional(),
  /** In place of `to`: a position of the one change that is to be undone. */
  change: z.int().min(1).optional(),
  domain: z.string().optional(),
  pool: z.string().optional(),
  dryRun: z.boolean().optional(),
  /** The position of a dry run: what it showed is what is done, or nothing is. */
  seen: z.int().min(0).optional(),
  /** As many domains, and as many backends, may go. */
  allowRemovals: z.int().min(0).max(MAX_ALLOWANCE).optional(),
});

export async function postRollback(call: Call, ports: AdminPorts): Promise<Reply> {
  const body = await bodyBy(call, rollbackBody);
  const scope = scopeFrom(body.domain ?? call.query.get('domain'), body.pool ?? call.query.get('pool'));
  const dryRun = body.dryRun ?? flag(call, 'dryRun');
  const seen = body.seen ?? count(call, 'seen', { min: 0, max: Number.MAX_SAFE_INTEGER });
  const position = body.change ?? count(call, 'change', { min: 1, max: Number.MAX_SAFE_INTEGER });
  const allowRemovals =
    body.allowRemovals ?? count(call, 'allowRemovals', { min: 0, max: MAX_ALLOWANCE }) ?? 0;
  const to = momentFrom(body.to ?? call.query.get('to'), 'to');
  if ((to === undefined) === (position === undefined))
    throw new Refused(
      'invalid_query',
      `to: expected a position or a time, or change in its place, found ${to === undefined ? 'neither' : 'both'}`,
    );
  const how: How = { scope, dryRun, seen, allowRemovals };
  return position === undefined
    ? rollback(call, ports, to as Moment, how)
    : undo(call, ports, { position, ...how });
}

type How = Omit<UndoWish, 'position'>;

async function rollback(call: Call, ports: AdminPorts, to: Moment, how: How): Promise<Reply> {
  const { scope, dryRun, seen } = how;
  const past = await ports.history.ask('routing', { at: to, scope, between: true }, call.signal);
  // Who means nothing at all says 0: a wrong year must not empty the router.
  if (to.type === 'time' && past.position === 0)
    throw new Refused('invalid_query', 'to: expected a time since the log began, found one before it');
  if (dryRun) return shownNow(ports, past, how);
  const shown = seen === undefined ? undefined : await shownThen(call, ports, seen, past, scope);
  return carriedOut(call, ports, past, how, shown);
}

/** What would change, and what would be said against it. */
async function shownNow(
  { desk }: AdminPorts,
  past: Routing & { readonly position: number },
  { scope, allowRemovals }: How,
): Promise<Reply> {
  const present = await desk.present();
  const now = routingOf(within(present, scope));
  if (scope !== undefined && isEmpty(now) && isEmpty(past))
    throw unknown(scope, past.position, present.position);
  const changes = difference(now, past);
  const refused = await refusedOf(restoringWithin(allowRemovals, changes, past, present), desk);
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
  ports: AdminPorts,
  past: Routing & { readonly position: number },
  { scope, allowRemovals }: How,
  shown: Shown | undefined,
): Promise<Reply> {
  let changes: readonly Change[] | undefined;
  const plan: Plan = async (now) => {
    const present = await now.everything();
    changes = difference(routingOf(within(present, scope)), past);
    return staleness(shown, changes, present) ?? restoringWithin(allowRemovals, changes, past, present);
  };
  const digest: Json = {
    type: 'Rollback',
    to: past.position,
    scope: scope ?? null,
    seen: shown?.position ?? null,
    allowRemovals,
  };
  const answer = await ports.desk.carryOut(plan, byOf(call), digest);
  if (answer.type === 'rejected') return withWinners(ports, answer, shown);
  return replyTo(answer, past.position, changes);
}

function replyTo(
  answer: Extract<Answer, { type: 'done' }>,
  to: number,
  changes: readonly Change[] | undefined,
): Reply {
  const { position, changed } = facts(answer);
  const what = changes === undefined ? { repeated: true } : { changes };
  return json({ dryRun: false, to, position, changed, ...what }, positionHeader(answer));
}
