/**
 * The events of a log as far as they are sound: each can be read, and its hash is linked to the one before it. What is
 * copied was checked here.
 */
import { EventUnreadable } from '../errors.ts';
import { codec } from '../events/codec.ts';
import { bytesOf, type ChainedEvent, chainHash, GENESIS } from '../events/stored-event.ts';
import type { LogInspection } from '../log-reader.ts';
import type { Position } from '../position.ts';
import { isOfTheFile } from './sqlite-errors.ts';

/** What the next event has to be linked to. */
export type Link = { readonly position: Position; readonly hash: string; readonly recordedAtMs: number };

const PAGE = 1000;
const CHARACTERS = 1_048_576;
const NOTHING: Link = { position: 0, hash: GENESIS, recordedAtMs: 0 };

/** What the first event of this log is linked to. */
export function startOf(source: LogInspection): Link {
  return source.base() ?? NOTHING;
}

/** The last position that can be copied: what follows it is damaged, missing, not linked to it, or from before it. */
export async function lastSound(source: LogInspection, breathe: () => Promise<void>): Promise<Position> {
  let last = startOf(source);
  try {
    for await (const page of soundPages(source, last, Number.MAX_SAFE_INTEGER, breathe)) {
      for (const event of page) {
        // Times never go back in a log, whatever the clock did.
        if (event.recordedAtMs < last.recordedAtMs) return last.position;
        last = event;
      }
    }
    return last.position;
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    // Events are looked at in order: all before this one are sound.
    return error.position - 1;
  }
}

/**
 * Pages of events after a link, up to a position. Throws `EventUnreadable` at the first that cannot be read, or is not linked
 * to the one before it.
 */
export async function* soundPages(
  source: LogInspection,
  after: Link,
  to: Position,
  breathe: () => Promise<void>,
): AsyncGenerator<readonly ChainedEvent[]> {
  let last = after;
  while (last.position < to) {
    const page = eventsFrom(source, last.position + 1, Math.min(PAGE, to - last.position));
    if (page.length === 0) {
      if (to === Number.MAX_SAFE_INTEGER) return;
      throw new EventUnreadable(last.position + 1, 'the log', `expected an event, found the end of the log`);
    }
    for (const event of page) {
      requireLinked(event, last);
      codec.decode(event);
      last = event;
    }
    yield page;
    await breathe();
  }
}

/** If a page of the file is damaged, the events on it are read one by one, up to the first that cannot be read. */
function eventsFrom(source: LogInspection, from: Position, limit: number): readonly ChainedEvent[] {
  try {
    return source.storedEvents(from, limit, CHARACTERS);
  } catch (error) {
    if (!isOfTheFile(error)) throw error;
    if (limit > 1) return eventsFrom(source, from, 1);
    throw new EventUnreadable(from, 'the log', error.message, error);
  }
}

function requireLinked(event: ChainedEvent, before: Link): void {
  const { position, stream, hash } = event;
  if (position !== before.position + 1)
    throw new EventUnreadable(
      before.position + 1,
      stream,
      `expected an event, found none before ${position}`,
    );
  const expected = chainHash(before.hash, bytesOf(event));
  if (hash === expected) return;
  throw new EventUnreadable(position, stream, `expected hash ${expected}, found ${hash}`);
}
