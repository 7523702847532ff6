/** Routing state, now or then, as text that `apply` takes: made here, so that nobody else has to hold it. */
import type { Present } from '../../actors/index.ts';
import { routingOf } from '../admin/routing-of.ts';
import { routingJson } from '../config/index.ts';
import type { Moment } from './moment.ts';
import { positionAt } from './position-at.ts';
import { presentAt, presentNow } from './present-at.ts';
import type { Room } from './room.ts';

export type StateWish = {
  /** Undefined: now. */
  readonly at?: Moment;
};

// A quarter of a MiB: what a socket takes at a time.
const PIECE = 262_144;

export async function* pourState({ at }: StateWish, room: Room): AsyncGenerator<string, undefined> {
  const present = at === undefined ? presentNow(room) : await presentAt(room, positionAt(room.log, at, 'at'));
  const text = JSON.stringify(shown(present));
  for (let from = 0; from < text.length; from += PIECE) yield text.slice(from, from + PIECE);
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
