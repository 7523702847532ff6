/**
 * What rollbacks have in common: a difference as commands on the state that was read, and the refusal if something
 * changed meanwhile.
 */
import type { Answer, Command, Desk, Planned, Present, Rejection } from '../../actors/index.ts';
import type { EventLog, PoolName, Position } from '../../eventlog/index.ts';
import { type Change, MAX_CHANGES, type Removable, type Routing, removedBy } from '../config/index.ts';
import type { Restoration } from '../history/index.ts';
import { commandsOf, tooManyRemovals } from '../plan/index.ts';
import { rejected } from './http/problem.ts';
import type { Reply } from './http/reply.ts';

type Rejected = Extract<Answer, { type: 'rejected' }>;

/** What a dry run at a position answered. */
export type Shown = { readonly position: number; readonly changes: readonly Change[] };

/** The present state for a dry run, which needs none because nothing is carried out. */
export const NOTHING: Present = { position: 0, pools: new Map(), domains: new Map() };

/** Commands that make these changes, each on condition that its owner is unchanged since it was read. */
export function restoring(changes: readonly Change[], past: Routing, present: Present): Planned {
  if (changes.length > MAX_CHANGES) return { type: 'rejected', rejection: tooMany(changes.length) };
  return {
    type: 'commands',
    commands: commandsOf(changes, past).map((command) => expecting(command, present)),
  };
}

/** The same, unless it removes more than is allowed: a wrong position must not empty the router. */
export function restoringWithin(
  allowRemovals: number,
  { changes, past, counts }: Wanted,
  present: Present,
): Planned {
  const rejection = counts && tooManyRemovals(removedBy(changes), counts, allowRemovals);
  return rejection === undefined ? restoring(changes, past, present) : { type: 'rejected', rejection };
}

export type Wanted = {
  readonly changes: readonly Change[];
  readonly past: Routing;
  /** How many there are. */
  readonly counts: Removable | undefined;
};

/** From the differences found per owner; `present`: the owners that change. */
export function restoringFound(
  { found, changes, removed, past, ...counted }: Restoration,
  allowRemovals: number,
  present: Present,
): Planned {
  const removal = counted.present && tooManyRemovals(removed, counted.present, allowRemovals);
  const rejection = removal ?? (found > MAX_CHANGES ? tooMany(found) : undefined);
  return rejection === undefined ? restoring(changes, past, present) : { type: 'rejected', rejection };
}

function tooMany(found: number): Rejection {
  const detail = `expected at most ${MAX_CHANGES} changes at once, found ${found}; undo them by --domain or --pool`;
  return { type: 'too_many_changes', detail };
}

function expecting(command: Command, { domains, pools }: Present): Command {
  const found = 'host' in command ? domains.get(command.host) : pools.get(command.pool as PoolName);
  return { ...command, ifVersion: found?.version ?? 0 } as Command;
}

/** Why it would be refused; null if it would not be. */
export async function refusedOf(planned: Planned, desk: Pick<Desk, 'refusalOf'>) {
  const refusal = planned.type === 'rejected' ? planned.rejection : await desk.refusalOf(planned.commands);
  return refusal === undefined ? null : { type: refusal.type, detail: refusal.detail };
}

/** Undefined if what was shown is what would be done. */
export function staleness(
  shown: Shown | undefined,
  changes: readonly Change[],
  { position }: { readonly position: Position },
): Rejected | undefined {
  if (shown === undefined || JSON.stringify(shown.changes) === JSON.stringify(changes)) return undefined;
  const expected = shown.position;
  const detail = `expected routing as it was at position ${expected}, found it changed since; look again with --dry-run`;
  return {
    type: 'rejected',
    rejection: { type: 'version_mismatch', detail, expected, found: position, won: [] },
  };
}

/** If the state no longer matches what was shown, adds the events since then. */
export async function withWinners(
  { log }: { readonly log: Pick<EventLog, 'read'> },
  { rejection }: Rejected,
  shown: Shown | undefined,
): Promise<Reply> {
  if (shown === undefined || rejection.type !== 'version_mismatch') return rejected(rejection);
  return rejected({ ...rejection, won: await log.read({ from: shown.position + 1, limit: 100 }) });
}
