/**
 * What one append wrote, as listeners are told of it: the events, or a few texts if another thread wrote many. Texts
 * are copied between threads in microseconds, and listeners mostly need only the names in them.
 */

import type { EventType, Recorded } from '../events/events.ts';
import type { Position } from '../position.ts';
import { recordedOf, type Written } from './append.ts';
import { type Nameless, type PackedAppend, unpackAppend } from './packed-append.ts';
import { namesOf, type PackedNames } from './packed-names.ts';

/** With the appends, from which the events are made on demand. */
export type Packed = PackedNames & { readonly appends: readonly PackedPart[] };

/** One append, in the form in which it was written, or its events as JSON. */
type PackedPart =
  | { readonly append: Nameless; readonly first: Position; readonly recordedAtMs: number }
  | { readonly events: string };

export interface Happened {
  readonly first: Position;
  readonly last: Position;
  readonly size: number;
  /** If they came packed, they are parsed on first use. */
  readonly events: readonly Recorded[];
  readonly packed: Packed | undefined;
  /** Whether any event is of one of these types. */
  hasAny(types: ReadonlySet<EventType>): boolean;
}

/** Takes at least one event. */
export function happenedOf(events: readonly Recorded[]): Happened {
  return {
    first: events[0]?.position ?? 0,
    last: events.at(-1)?.position ?? 0,
    size: events.length,
    events,
    packed: undefined,
    hasAny: (types) => events.some(({ type }) => types.has(type)),
  };
}

/**
 * One of several appends that were committed together, with at least one event; `append`: its packed form, if it came
 * packed.
 */
export type Part = Written & { readonly append?: PackedAppend | undefined };

export function happenedTogether(parts: readonly Part[]): Happened {
  return unpacked(packed(parts), () => parts.flatMap(({ appended }) => appended.events));
}

/** `read`: by default makes the events from the appends. */
export function unpacked(
  packed: Packed,
  read: () => readonly Recorded[] = () => packed.appends.flatMap(eventsOf),
): Happened {
  let events: readonly Recorded[] | undefined;
  return {
    first: packed.first,
    last: packed.last,
    size: packed.presence.length,
    get events() {
      events ??= read();
      return events;
    },
    packed,
    hasAny: (types) => packed.types.some((type) => types.has(type)),
  };
}

function packed(parts: readonly Part[]): Packed {
  const names = parts.map(({ append, appended }) => append?.names ?? namesOf(appended.events));
  return {
    first: parts[0]?.first ?? 0,
    last: parts.at(-1)?.appended.position ?? 0,
    types: [...new Set(names.flatMap(({ types }) => types))],
    streams: names.map(({ streams }) => streams).join('\n'),
    presence: names.map(({ presence }) => presence).join(''),
    appends: parts.map(({ append, appended, first, recordedAtMs }) =>
      append === undefined
        ? { events: JSON.stringify(appended.events) }
        : { append: nameless(append), first, recordedAtMs },
    ),
  };
}

/** Without the names, which are told once for all appends. */
function nameless({ names: _, ...append }: PackedAppend): Nameless {
  return append;
}

function eventsOf(part: PackedPart): readonly Recorded[] {
  if ('events' in part) return JSON.parse(part.events) as readonly Recorded[];
  return recordedOf(unpackAppend(part.append), part.first, part.recordedAtMs);
}
