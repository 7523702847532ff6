/** Undoes one change and no other, whatever came after it. */
import { digestOf, type Plan, type Planned, type Present } from '../../../actors/index.ts';
import type { Position } from '../../../eventlog/index.ts';
import { type Scope, shortened, streamsOf, type UndoneAt } from '../../history/index.ts';
import type { Call } from '../http/call.ts';
import { byOf } from '../http/command-headers.ts';
import { waitOf } from '../http/prefer.ts';
import { Refused } from '../http/problem.ts';
import { json, type Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';
import { NOTHING, refusedOf, restoringWithin, staleness, withWinners } from '../restoring.ts';
import { removedIn, withDrained } from './removed.ts';

export type UndoWish = {
  /** A position of the change. */
  readonly position: number;
  readonly scope: Scope;
  readonly dryRun: boolean;
  /** The position of a dry run: exactly what it showed is done, or nothing is. */
  readonly seen: number | undefined;
  readonly allowRemovals: number;
};

export async function undo(call: Call, ports: AdminPorts, wish: UndoWish): Promise<Reply> {
  const found = await undoneAt(call, ports, wish);
  if (!found.isOfSettings) throw nothingAt(wish.position);
  return wish.dryRun ? shown(ports, found, wish) : carriedOut(call, ports, found, wish);
}

async function undoneAt(
  call: Call,
  { history, restorer = history }: AdminPorts,
  { position, scope }: UndoWish,
  at?: Position,
): Promise<UndoneAt> {
  const wish = { position, scope, at, counts: at === undefined };
  const undone = await restorer.ask('undone', wish, call.signal);
  if (undone === undefined) throw nothingAt(position);
  return undone;
}

function nothingAt(position: Position): Refused {
  return new Refused(
    'invalid_query',
    `change: expected a change of settings at position ${position}, found none`,
  );
}

async function shown({ desk }: AdminPorts, found: UndoneAt, { allowRemovals }: UndoWish): Promise<Reply> {
  const { at: position, changes, left } = found;
  const refused = await refusedOf(restoringUndone(found, found, allowRemovals, NOTHING), desk);
  return json({ dryRun: true, ...spanOf(found), position, refused, changes, left: shortened(left) });
}

async function carriedOut(call: Call, ports: AdminPorts, found: UndoneAt, wish: UndoWish): Promise<Reply> {
  const { scope, seen, allowRemovals } = wish;
  const before =
    seen === undefined
      ? undefined
      : { position: seen, changes: (await undoneAt(call, ports, wish, seen)).changes };
  let undone: UndoneAt | undefined;
  const plan: Plan = async (now) => {
    // Usually nothing has happened since it was computed.
    undone = found.at === now.position ? found : await undoneAt(call, ports, wish, now.position);
    const owners = await now.owners(streamsOf(undone.changes));
    return staleness(before, undone.changes, now) ?? restoringUndone(undone, found, allowRemovals, owners);
  };
  const digest = digestOf({
    type: 'Undo',
    change: found.first,
    scope: scope ?? null,
    seen: seen ?? null,
    allowRemovals,
  });
  const answer = await ports.desk.carryOut(plan, byOf(call), digest);
  if (answer.type === 'rejected') return withWinners(ports, answer, before);
  const what =
    undone === undefined ? { repeated: true } : { changes: undone.changes, left: shortened(undone.left) };
  const { position, changed } = answer;
  const known = { dryRun: false, ...spanOf(found), position, changed, ...what };
  const leavers = removedIn(undone?.changes ?? []);
  return withDrained(call, ports, { answer, known, leavers, waitMs: undone && waitOf(call) });
}

/** `counted`: has the number of owners, which a later computation does not count again. */
function restoringUndone(
  { changes, routing }: UndoneAt,
  counted: UndoneAt,
  allowRemovals: number,
  owners: Present,
): Planned {
  return restoringWithin(allowRemovals, { changes, past: routing, counts: counted.present }, owners);
}

function spanOf({ first, last }: UndoneAt) {
  return { change: { from: first, to: last } };
}
