/**
 * What a thread is sent of one publication: a few events as they are; many as two texts, whose copy is a few microseconds
 * where that of the objects is some for each. Of a bulk a worker holds next to nothing: mostly the names alone are looked at.
 */
import type { Position, Recorded, StreamName } from '../../eventlog/index.ts';

export type Publication = readonly Recorded[] | Bulk;

export type Bulk = {
  readonly first: Position;
  readonly last: Position;
  /** Of each event, a line each: a name has no line feed. */
  readonly streams: string;
  /** The events as JSON, which is what they came from. */
  readonly events: string;
};

const MANY = 20;

export function publicationOf(events: readonly Recorded[]): Publication {
  return events.length < MANY ? events : bulkOf(events);
}

export function bulkOf(events: readonly Recorded[]): Bulk {
  return {
    first: events[0]?.position ?? 0,
    last: events.at(-1)?.position ?? 0,
    streams: events.map(({ stream }) => stream).join('\n'),
    events: JSON.stringify(events),
  };
}

export function isBulk(publication: Publication): publication is Bulk {
  return 'streams' in publication;
}

export function streamsOf(bulk: Bulk): readonly StreamName[] {
  return bulk.streams.split('\n') as StreamName[];
}

export function eventsOf(bulk: Bulk): readonly Recorded[] {
  return JSON.parse(bulk.events) as readonly Recorded[];
}
