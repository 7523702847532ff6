/**
 * Follows the chain of events for `verify`: each in its place, readable, later than the previous one and linked to
 * it.
 */

import { EventUnreadable } from '../errors.ts';
import { codec } from '../events/codec.ts';
import { bytesOf, type ChainedEvent, chainHash, GENESIS } from '../events/stored-event.ts';
import type { Base } from '../log-reader.ts';
import type { Position } from '../position.ts';
import { type Finding, findingAt, unreadable } from './finding.ts';

export class Chain {
  #position = 0;
  #recordedAtMs = 0;
  /** What the next event's hash may follow: the last event's hash as stored and, if that is damaged, as it should be. */
  #hashes: readonly string[] = [GENESIS];

  constructor(base: Base | undefined) {
    if (base === undefined) return;
    this.#position = base.position;
    this.#recordedAtMs = base.recordedAtMs;
    this.#hashes = [base.hash];
  }

  /** `indexed`: where the index of streams has the event. The index is a structure of its own and may be damaged on its own. */
  follow(event: ChainedEvent, indexed: Position): readonly Finding[] {
    const findings = [...this.#missing(event), ...this.#content(event), ...this.#order(event, indexed)];
    const bytes = bytesOf(event);
    const expected = this.#hashes.map((previous) => chainHash(previous, bytes));
    this.#hashes =
      expected[0] === event.hash
        ? expected.slice(0, 1)
        : [...new Set([event.hash, expected[0] ?? event.hash])];
    this.#position = event.position;
    this.#recordedAtMs = Math.max(this.#recordedAtMs, event.recordedAtMs);
    // A damaged or missing event necessarily breaks its link: reporting it once is enough.
    if (findings.length > 0 || expected.includes(event.hash) || expected.length === 0) return findings;
    return [findingAt(event, 'chain_broken', `hash ${expected[0]}`, `hash ${event.hash}`)];
  }

  /** An event could not be read at all: what follows it can be linked to nothing. */
  skip(position: Position): void {
    this.#position = position;
    this.#hashes = [];
  }

  #missing(event: ChainedEvent): readonly Finding[] {
    const expected = this.#position + 1;
    if (event.position === expected) return [];
    return [
      findingAt(
        { ...event, position: expected },
        'event_missing',
        `an event at ${expected}`,
        `one at ${event.position}`,
      ),
    ];
  }

  #content(event: ChainedEvent): readonly Finding[] {
    try {
      codec.decode(event);
    } catch (error) {
      if (!(error instanceof EventUnreadable)) throw error;
      return [unreadable(event.position, event.stream, error.message)];
    }
    return [];
  }

  #order(event: ChainedEvent, indexed: Position): readonly Finding[] {
    const findings: Finding[] = [];
    if (event.recordedAtMs < this.#recordedAtMs) {
      const expected = `recorded at ${this.#recordedAtMs} or later`;
      findings.push(findingAt(event, 'time_reversed', expected, String(event.recordedAtMs)));
    }
    if (indexed !== event.position) {
      const expected = `version ${event.version} of its stream at this position`;
      findings.push(findingAt(event, 'version_wrong', expected, `it at ${indexed}`));
    }
    return findings;
  }
}
