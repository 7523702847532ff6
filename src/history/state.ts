/** Routing state, now or then, an owner at a time: nobody has to hold it all. */
import { routedPool, routingOf } from '../admin/routing-of.ts';
import { poolJson, type Routing } from '../config/index.ts';
import { type Moment, positionAt } from './moment.ts';
import { type Owner, ownersAt } from './owners-at.ts';
import { linesOfJson, pieces } from './pieces.ts';
import type { Room } from './room.ts';
import type { Scope } from './scope.ts';
import { type StateEntry, stateJson } from './state-text.ts';

export type StateWish = {
  /** Undefined: now. */
  readonly at?: Moment | undefined;
  readonly scope?: Scope;
};

/** As one value, or as lines: an entry each. */
export async function* pourState(
  { at, scope, asLines }: StateWish & { readonly asLines?: boolean },
  room: Room,
): AsyncGenerator<string, undefined> {
  const entries = entriesOf(room, momentIn(room, at, 'at'), scope);
  yield* pieces(asLines === true ? linesOfJson(entries) : stateJson(entries));
}

async function* entriesOf(room: Room, position: number, scope: Scope): AsyncGenerator<StateEntry> {
  const notes: object[] = [];
  yield { position };
  for await (const owner of ownersAt(room, position, scope)) {
    if (owner.kind === 'domain') yield { domain: owner.name, settings: owner.state.settings };
    else {
      yield { pool: owner.name, settings: poolJson(routedPool(owner.state)) };
      notes.push(...notesOf(owner));
    }
  }
  for (const note of notes) yield { note };
}

/** The settings alone, for whoever wants them back. */
export async function routingAt(
  { at, scope }: StateWish,
  room: Room,
): Promise<Routing & { readonly position: number }> {
  const position = momentIn(room, at, 'to');
  const pools = new Map();
  const domains = new Map();
  for await (const { kind, name, state } of ownersAt(room, position, scope))
    (kind === 'pool' ? pools : domains).set(name, state);
  return { position, ...routingOf({ pools, domains }) };
}

function momentIn({ log }: Room, at: Moment | undefined, what: string): number {
  return at === undefined ? log.position() : positionAt(log, at, what);
}

/** What passes by itself and is no setting. */
function notesOf({ name: pool, state }: Extract<Owner, { kind: 'pool' }>): object[] {
  return Object.entries(state.backends).flatMap(([backend, { drainUntilMs, quarantine }]) =>
    drainUntilMs === undefined && quarantine === undefined
      ? []
      : [{ pool, backend, drainUntilMs, quarantine }],
  );
}
