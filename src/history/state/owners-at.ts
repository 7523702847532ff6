/**
 * All owners, or some, as they were at a position: pools before domains, each in order of name, one at a time, so
 * that only one is in memory. An owner that cannot be read is reported in its place, and the others are still
 * returned.
 */
import type { DomainState, PoolState, Present } from '../../../actors/index.ts';
import {
  type DomainName,
  EventUnreadable,
  kindOf,
  type LogInspection,
  ownerNameOf,
  type PoolName,
  type StreamName,
} from '../../../eventlog/index.ts';
import { inOrder } from '../../config/index.ts';
import type { Room } from '../room.ts';
import type { Scope } from '../scope.ts';
import { ownerAt } from './owner-at.ts';
import { allAt, isSmall } from './present-at.ts';

export type Owner =
  | { readonly kind: 'pool'; readonly name: PoolName; readonly state: NonNullable<PoolState> }
  | { readonly kind: 'domain'; readonly name: DomainName; readonly state: NonNullable<DomainState> };

export type Unread = { readonly kind: 'unread'; readonly error: EventUnreadable };

const NAMES = 1000;
// '.' follows '-' in ASCII; the ranges before, between and after the two known kinds have streams of unknown kinds.
const PARTS = [
  ['pool-', 'pool.'],
  ['domain-', 'domain.'],
  ['', 'domain-'],
  ['domain.', 'pool-'],
  ['pool.', undefined],
] as const;

/** At the end of the log, most owners are read from their current rows. */
export async function* ownersAt(room: Room, position: number, scope: Scope): AsyncGenerator<Owner | Unread> {
  const isFolded = scope === undefined && position < room.log.position() && isSmall(room.log);
  const present = isFolded ? await allReadable(room, position) : undefined;
  if (present !== undefined) {
    for (const [name, state] of inOrder(present.pools)) yield { kind: 'pool', name, state };
    for (const [name, state] of inOrder(present.domains)) yield { kind: 'domain', name, state };
    return;
  }
  for (const stream of streamsIn(room.log, scope)) {
    const owner = read(room.log, stream, position);
    if (owner !== undefined) yield owner;
    await room.breathe();
  }
}

/** Undefined if one of them cannot be read; then each is read by itself. */
async function allReadable(room: Room, position: number): Promise<Present | undefined> {
  try {
    return await allAt(room, position);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    return undefined;
  }
}

function read(log: Room['log'], stream: StreamName, position: number): Owner | Unread | undefined {
  try {
    return ownerOf(stream, ownerAt(log, stream, position).state);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    return { kind: 'unread', error };
  }
}

/** All streams that ever existed, those of unknown kinds last; or those of the scope. */
export function* streamsIn(log: LogInspection, scope: Scope): Generator<StreamName> {
  if (scope === undefined) {
    for (const [after, before] of PARTS) yield* streamsBetween(log, after, before);
    return;
  }
  const inTurn = scope.toSorted();
  for (const kind of ['pool', 'domain'] as const) yield* inTurn.filter((stream) => kindOf(stream) === kind);
}

function* streamsBetween(
  log: LogInspection,
  after: string,
  before: string | undefined,
): Generator<StreamName> {
  for (let last = after; ; ) {
    const page = log.streams(last, NAMES) as readonly StreamName[];
    for (const stream of page) {
      if (before !== undefined && stream >= before) return;
      yield stream;
    }
    if (page.length < NAMES) return;
    last = page.at(-1) ?? last;
  }
}

/** Undefined: there was none. */
export function ownerOf(stream: StreamName, state: unknown): Owner | undefined {
  if (state === null) return undefined;
  return { kind: kindOf(stream), name: ownerNameOf(stream), state } as Owner;
}
