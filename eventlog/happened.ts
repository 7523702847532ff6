/**
 * What one append wrote, as whoever listens is told of it: the events, or, of many that another thread wrote, a few texts.
 * Those are copied between threads in microseconds, and mostly nobody looks at more of them than the names.
 */
import type { Position } from './event-log.ts';
import type { EventType, Recorded } from './events.ts';
import type { StreamName } from './names.ts';

/** Of many events at positions one after the other the names, as texts; they cross threads as they are. */
export type PackedNames = {
  readonly first: Position;
  readonly last: Position;
  /** Each type that is among them, once. */
  readonly types: readonly EventType[];
  /** Of each event, a line each: a name has no line feed. */
  readonly streams: string;
  /** Of each event a character: `+` a domain came, `-` one went, `=` neither. */
  readonly presence: string;
};

/** And the events themselves as JSON, which is what they came from. */
export type Packed = PackedNames & { readonly events: string };

export interface Happened {
  readonly first: Position;
  readonly last: Position;
  readonly size: number;
  /** Read from their text when they are first asked for, where they came packed. */
  readonly events: readonly Recorded[];
  readonly packed: Packed | undefined;
  /** Whether any of them is of one of these types. */
  hasAny(types: ReadonlySet<EventType>): boolean;
}

/** At least one event. */
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

export function unpacked(packed: Packed): Happened {
  let events: readonly Recorded[] | undefined;
  return {
    first: packed.first,
    last: packed.last,
    size: packed.presence.length,
    get events() {
      events ??= eventsOf(packed);
      return events;
    },
    packed,
    hasAny: (types) => packed.types.some((type) => types.has(type)),
  };
}

export function pack(events: readonly Recorded[]): Packed {
  return { ...packNames(events), events: JSON.stringify(events) };
}

export function packNames(events: readonly Recorded[]): PackedNames {
  const types = new Set<EventType>();
  let streams = '';
  let presence = '';
  for (const { stream, type } of events) {
    types.add(type);
    streams += streams === '' ? stream : `\n${stream}`;
    presence += PRESENCE[type] ?? '=';
  }
  const first = events[0]?.position ?? 0;
  const last = events.at(-1)?.position ?? 0;
  return { first, last, types: [...types], streams, presence };
}

const PRESENCE: { readonly [type in EventType]?: string } = { DomainCreated: '+', DomainRemoved: '-' };

export function streamsOf(packed: PackedNames): readonly StreamName[] {
  return packed.streams.split('\n') as StreamName[];
}

function eventsOf(packed: Packed): readonly Recorded[] {
  return JSON.parse(packed.events) as readonly Recorded[];
}
