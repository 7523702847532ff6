/**
 * All owners, or some, as they were at a position: pools before domains, each in order of name, one at a time, so that of very
 * many, or of very large ones, nobody has to hold more than one.
 */
import type { DomainState, PoolState } from '../../actors/index.ts';
import {
  type DomainName,
  kindOf,
  type LogInspection,
  ownerNameOf,
  type PoolName,
  type StreamName,
} from '../../eventlog/index.ts';
import { inOrder } from '../config/index.ts';
import { ownerAt } from './owner-at.ts';
import { allAt, isSmall } from './present-at.ts';
import type { Room } from './room.ts';
import type { Scope } from './scope.ts';

export type Owner =
  | { readonly kind: 'pool'; readonly name: PoolName; readonly state: NonNullable<PoolState> }
  | { readonly kind: 'domain'; readonly name: DomainName; readonly state: NonNullable<DomainState> };

const NAMES = 1000;
/** Of the end of the log, most owners are what their current rows say. */
export async function* ownersAt(room: Room, position: number, scope: Scope): AsyncGenerator<Owner> {
  if (scope === undefined && position < room.log.position() && isSmall(room.log)) {
    const { pools, domains } = await allAt(room, position);
    for (const [name, state] of inOrder(pools)) yield { kind: 'pool', name, state };
    for (const [name, state] of inOrder(domains)) yield { kind: 'domain', name, state };
    return;
  }
  for (const stream of streamsIn(room.log, scope)) {
    const owner = ownerOf(stream, ownerAt(room.log, stream, position).state);
    if (owner !== undefined) yield owner;
    await room.breathe();
  }
}

/** Of everything that ever was, or of the scope. */
export function* streamsIn(log: LogInspection, scope: Scope): Generator<StreamName> {
  const inTurn = scope?.toSorted() ?? undefined;
  for (const kind of ['pool', 'domain'] as const)
    yield* inTurn?.filter((stream) => kindOf(stream) === kind) ?? streamsOf(log, kind);
}

function* streamsOf(log: LogInspection, kind: 'pool' | 'domain'): Generator<StreamName> {
  for (let after = `${kind}-`; ; ) {
    const page = log.streams(after, NAMES) as readonly StreamName[];
    for (const stream of page) {
      if (kindOf(stream) !== kind) return;
      yield stream;
    }
    if (page.length < NAMES) return;
    after = page.at(-1) ?? after;
  }
}

/** Undefined: there was none. */
export function ownerOf(stream: StreamName, state: unknown): Owner | undefined {
  if (state === null) return undefined;
  return { kind: kindOf(stream), name: ownerNameOf(stream), state } as Owner;
}
