/**
 * Restores past settings, of everything or of one owner. History stays in the log; what is undone is undone by new
 * events, decided by the owners themselves.
 */
import { z } from 'zod';
import { digestOf, type Plan } from '../../../actors/index.ts';
import { kindOf, ownerNameOf, type Position } from '../../../eventlog/index.ts';
import { type Change, MAX_ALLOWANCE } from '../../config/index.ts';
import { broughtUp, type Moment, type Restoration, type Scope, streamsOf } from '../../history/index.ts';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { byOf } from '../http/command-headers.ts';
import { momentFrom, scopeFrom } from '../http/moments.ts';
import { answeredBy } from '../http/poured.ts';
import { waitOf } from '../http/prefer.ts';
import { Refused } from '../http/problem.ts';
import { count, flag } from '../http/query.ts';
import type { Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';
import { NOTHING, refusedOf, restoringFound, staleness, withWinners } from '../restoring.ts';
import { removedIn, withDrained } from './removed.ts';
import { type UndoWish, undo } from './undo.ts';

export const ROLLBACK_KEYS = ['to', 'change', 'domain', 'pool', 'dryRun', 'seen', 'allowRemovals'] as const;

const rollbackBody = z.strictObject({
  to: z.union([z.int().min(0), z.string()]).optional(),
  /** Instead of `to`: a position of the one change to undo. */
  change: z.int().min(1).optional(),
  domain: z.string().optional(),
  pool: z.string().optional(),
  dryRun: z.boolean().optional(),
  /** The position of a dry run: exactly what it showed is done, or nothing is. */
  seen: z.int().min(0).optional(),
  /** How many domains, and how many backends, may be removed. */
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
  const wish = { to, at: dryRun ? undefined : seen, scope };
  const { history, restorer = history } = ports;
  if (dryRun) return answeredBy(call, shown(ports, restorer.pour('restoration', wish, call.signal), how));
  return carriedOut(call, ports, await restorer.ask('restoration', wish, call.signal), how);
}

/** What would change, and what would be refused. */
async function* shown(
  { desk }: AdminPorts,
  restoring: AsyncGenerator<string, Restoration>,
  { scope, allowRemovals }: How,
): AsyncGenerator<string, object> {
  const found = yield* restoring;
  const { to, at: position, changes } = found;
  if (scope !== undefined && !found.isKnown) throw unknown(scope, to, position);
  const refused = await refusedOf(restoringFound(found, allowRemovals, NOTHING), desk);
  const more = found.found - changes.length;
  return { dryRun: true, to, position, refused, changes, ...(more > 0 ? { more } : {}) };
}

function unknown([first = '']: readonly string[], then: number, now: number): Refused {
  const kind = kindOf(first);
  const name = ownerNameOf(first);
  return new Refused(
    `${kind}_not_found`,
    `there is no ${kind} ${name}, neither at position ${then} nor now, at ${now}`,
  );
}

async function carriedOut(
  call: Call,
  ports: AdminPorts,
  found: Restoration,
  { scope, allowRemovals, seen }: How,
): Promise<Reply> {
  const { to } = found;
  const shown = seen === undefined ? undefined : { position: seen, changes: found.changes };
  // Comparing everything takes time. Changes made meanwhile are compared too before the desk's turn, so that little is
  // left to do while others wait.
  const recent = await broughtUpTo(await ports.log.position(), found, scope, ports, call.signal);
  let changes: readonly Change[] | undefined;
  const plan: Plan = async (now) => {
    const last = await broughtUpTo(now.position, recent, scope, ports, call.signal);
    changes = last.changes;
    const owners = await now.owners(streamsOf(changes));
    return staleness(shown, changes, now) ?? restoringFound(last, allowRemovals, owners);
  };
  const digest = digestOf({
    type: 'Rollback',
    to,
    scope: scope ?? null,
    seen: seen ?? null,
    allowRemovals,
  });
  const answer = await ports.desk.carryOut(plan, byOf(call), digest);
  if (answer.type === 'rejected') return withWinners(ports, answer, shown);
  const what = changes === undefined ? { repeated: true } : { changes };
  const known = { dryRun: false, to, position: answer.position, changed: answer.changed, ...what };
  return withDrained(call, ports, {
    answer,
    known,
    leavers: removedIn(changes ?? []),
    waitMs: changes && waitOf(call),
  });
}

async function broughtUpTo(
  at: Position,
  known: Restoration,
  scope: Scope,
  { history, restorer = history }: AdminPorts,
  signal: AbortSignal | undefined,
): Promise<Restoration> {
  if (at === known.at) return known;
  const to = { type: 'position', position: known.to } as const;
  return broughtUp(known, await restorer.ask('restoration', { to, at, since: known.at, scope }, signal));
}
