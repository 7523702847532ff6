/**
 * The names in many events, as texts: these are copied between threads in microseconds, and mostly nothing else is
 * needed.
 */

import type { EventType, Recorded } from '../events/events.ts';
import type { StreamName } from '../names.ts';
import type { Position } from '../position.ts';

export type Names = {
  /** Each type that is among them, once. */
  readonly types: readonly EventType[];
  /** Of each event, a line each: a name has no line feed. */
  readonly streams: string;
  /** Of each event a character: `+` a domain came, `-` one went, `=` neither. */
  readonly presence: string;
};

/** At positions one after the other. */
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
