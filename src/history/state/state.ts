/** Routing state, now or in the past, one owner at a time, so that it never has to be in memory as a whole. */

import { poolJson } from '../../config/index.ts';
import { routedPool } from '../../plan/index.ts';
import { type Moment, positionAt } from '../moment.ts';
import { linesOfJson, pieces } from '../pieces.ts';
import type { Room } from '../room.ts';
import type { Scope } from '../scope.ts';
import { type Owner, ownersAt } from './owners-at.ts';
import { type StateEntry, stateJson } from './state-text.ts';

export type StateWish = {
  /** Undefined: now. */
  readonly at?: Moment | undefined;
  readonly scope?: Scope;
};

// With more unreadable owners than this, the question is refused at the next one.
const MOST_UNREAD = 1000;

/** As one value, or as one line per entry. */
export async function* pourState(
  { at, scope, asLines }: StateWish & { readonly asLines?: boolean },
  room: Room,
): AsyncGenerator<string, undefined> {
  const entries = entriesOf(room, momentIn(room, at, 'at'), scope);
  yield* pieces(asLines === true ? linesOfJson(entries) : stateJson(entries));
}

async function* entriesOf(room: Room, position: number, scope: Scope): AsyncGenerator<StateEntry> {
  const notes: object[] = [];
  let unread = 0;
  yield { position };
  for await (const owner of ownersAt(room, position, scope)) {
    if (owner.kind === 'unread') {
      if (++unread > MOST_UNREAD) throw owner.error;
      notes.push({ stream: owner.error.stream, unreadable: owner.error.message });
    } else if (owner.kind === 'domain') yield { domain: owner.name, settings: owner.state.settings };
    else {
      yield { pool: owner.name, settings: poolJson(routedPool(owner.state)) };
      notes.push(...notesOf(owner));
    }
  }
  for (const note of notes) yield { note };
}

function momentIn({ log }: Room, at: Moment | undefined, what: string): number {
  return at === undefined ? log.position() : positionAt(log, at, what);
}

/** Runtime state that is not a setting. */
function notesOf({ name: pool, state }: Extract<Owner, { kind: 'pool' }>): object[] {
  return Object.entries(state.backends).flatMap(([backend, { drainUntilMs, quarantine }]) =>
    drainUntilMs === undefined && quarantine === undefined
      ? []
      : [{ pool, backend, drainUntilMs, quarantine }],
  );
}
