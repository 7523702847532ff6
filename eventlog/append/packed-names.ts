/**
 * The names in many events, as texts: these are copied between threads in microseconds, and mostly nothing else is
 * needed.
 */

import type { EventType, Recorded } from '../events/events.ts';
import type { StreamName } from '../names.ts';
import type { Position } from '../position.ts';

export type Names = {
  /** Each type that occurs, once. */
  readonly types: readonly EventType[];
  /** The stream of each event, one per line: a name contains no line feed. */
  readonly streams: string;
  /** A character for each event: `+` a domain was created, `-` one was removed, `=` neither. */
  readonly presence: string;
};

/** Of events at consecutive positions. */
export type PackedNames = Names & { readonly first: Position; readonly last: Position };

const PRESENCE: { readonly [type in EventType]?: string } = { DomainCreated: '+', DomainRemoved: '-' };

export function packNames(events: readonly Recorded[]): PackedNames {
  const first = events[0]?.position ?? 0;
  const last = events.at(-1)?.position ?? 0;
  return { first, last, ...namesOf(events) };
}

export function namesOf(events: readonly { readonly stream: StreamName; readonly type: EventType }[]): Names {
  const gathered = new GatheredNames();
  for (const { stream, type } of events) gathered.add(stream, type);
  return gathered.names();
}

export class GatheredNames {
  readonly #types = new Set<EventType>();
  #streams = '';
  #presence = '';

  add(stream: StreamName, type: EventType): void {
    this.#types.add(type);
    this.#streams += this.#streams === '' ? stream : `\n${stream}`;
    this.#presence += PRESENCE[type] ?? '=';
  }

  names(): Names {
    return { types: [...this.#types], streams: this.#streams, presence: this.#presence };
  }
}

export function streamsOf({ streams }: Names): readonly StreamName[] {
  return streams.split('\n') as StreamName[];
}
