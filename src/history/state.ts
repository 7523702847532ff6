/** Routing state, now or then, as text that `apply` takes: made here, so that nobody else has to hold it. */
import type { Present } from '../../actors/index.ts';
import { routingOf } from '../admin/routing-of.ts';
import { type Routing, routingJson } from '../config/index.ts';
import { requireBetween } from './change-at.ts';
import type { Moment } from './moment.ts';
import { presentAt } from './present-at.ts';
import type { Room } from './room.ts';
import type { Scope } from './scope.ts';

export type StateWish = {
  /** Undefined: now. */
  readonly at?: Moment | undefined;
  readonly scope?: Scope;
};

// A quarter of a MiB: what a socket takes at a time.
const PIECE = 262_144;

export async function* pourState({ at, scope }: StateWish, room: Room): AsyncGenerator<string, undefined> {
  const text = JSON.stringify(shown(await presentAt(room, at, scope, 'at')));
  for (let from = 0; from < text.length; from += PIECE) yield text.slice(from, from + PIECE);
}

/** `between`: at a position in the midst of a command nothing was ever in force, so nobody wants that back. */
export type RoutingWish = StateWish & { readonly between?: boolean };

/** The settings alone, for whoever wants them back. */
export async function routingAt(
  { at, scope, between }: RoutingWish,
  room: Room,
): Promise<Routing & { readonly position: number }> {
  const present = await presentAt(room, at, scope, 'to');
  if (between === true) await requireBetween(present.position, room, 'to');
  return { position: present.position, ...routingOf(present) };
}

/** `notes`: what passes by itself and is no setting. */
function shown(present: Present) {
  return { position: present.position, ...routingJson(routingOf(present)), notes: notesOf(present) };
}

function notesOf({ pools }: Present) {
  const notes: object[] = [];
  for (const [pool, { backends }] of pools) {
    for (const [backend, { drainUntilMs, quarantine }] of Object.entries(backends)) {
      if (drainUntilMs !== undefined || quarantine !== undefined)
        notes.push({ pool, backend, drainUntilMs, quarantine });
    }
  }
  return notes;
}
