/** Undoes one change and no other, whatever came after it. */
import type { Plan } from '../../actors/index.ts';
import type { Json } from '../../eventlog/index.ts';
import { difference } from '../config/index.ts';
import type { PastChange, Scope } from '../history/index.ts';
import { byOf } from './by.ts';
import type { Call } from './call.ts';
import type { AdminPorts } from './ports.ts';
import { Refused } from './problem.ts';
import { facts, positionHeader } from './receipt.ts';
import { json, type Reply } from './reply.ts';
import { refusedOf, restoringWithin, type Shown, staleness, withWinners } from './restoring.ts';
import { routingOf } from './routing-of.ts';
import { told, type Undone, undoneIn } from './undoing.ts';

export type UndoWish = {
  /** A position of the change. */
  readonly position: number;
  readonly scope: Scope;
  readonly dryRun: boolean;
  /** The position of a dry run: what it showed is what is done, or nothing is. */
  readonly seen: number | undefined;
  readonly allowRemovals: number;
};

export async function undo(call: Call, ports: AdminPorts, wish: UndoWish): Promise<Reply> {
  const { position, scope } = wish;
  const change = await ports.history.ask('change', { position, scope }, call.signal);
  if (change === undefined || difference(change.before, change.after).length === 0)
    throw new Refused(
      'invalid_query',
      `change: expected a change of settings at position ${position}, found none`,
    );
  return wish.dryRun ? shown(ports, change, wish) : carriedOut(call, ports, change, wish);
}

async function shown({ desk }: AdminPorts, change: PastChange, { allowRemovals }: UndoWish): Promise<Reply> {
  const present = await desk.present();
  const { changes, routing, left } = undoneIn(change, routingOf(present));
  const refused = await refusedOf(restoringWithin(allowRemovals, changes, routing, present), desk);
  const { position } = present;
  return json({ dryRun: true, ...spanOf(change), position, refused, changes, left: told(left) });
}

async function shownThen(
  call: Call,
  { history }: AdminPorts,
  position: number,
  change: PastChange,
): Promise<Shown> {
  const then = await history.ask('routing', { at: { type: 'position', position } }, call.signal);
  return { position, changes: undoneIn(change, then).changes };
}

async function carriedOut(
  call: Call,
  ports: AdminPorts,
  change: PastChange,
  { scope, seen, allowRemovals }: UndoWish,
): Promise<Reply> {
  const before = seen === undefined ? undefined : await shownThen(call, ports, seen, change);
  let undone: Undone | undefined;
  const plan: Plan = async (now) => {
    const present = await now.everything();
    undone = undoneIn(change, routingOf(present));
    const { changes, routing } = undone;
    return staleness(before, changes, present) ?? restoringWithin(allowRemovals, changes, routing, present);
  };
  const digest: Json = {
    type: 'Undo',
    change: change.first,
    scope: scope ?? null,
    seen: seen ?? null,
    allowRemovals,
  };
  const answer = await ports.desk.carryOut(plan, byOf(call), digest);
  if (answer.type === 'rejected') return withWinners(ports, answer, before);
  const what =
    undone === undefined ? { repeated: true } : { changes: undone.changes, left: told(undone.left) };
  const { position, changed } = facts(answer);
  return json({ dryRun: false, ...spanOf(change), position, changed, ...what }, positionHeader(answer));
}

function spanOf({ first, last }: PastChange) {
  return { change: { from: first, to: last } };
}
