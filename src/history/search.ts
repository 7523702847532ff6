/** Recorded events that match a description, forwards or backwards, as lines of JSON. */
import { RE2JS } from 're2js';
import {
  EVENT_TYPES,
  EventUnreadable,
  quoted,
  type Recorded,
  type StreamName,
} from '../../eventlog/index.ts';
import { type Availability, availabilityChanges, availabilityChangesBackwards } from './availability.ts';
import { type Moment, positionAt } from './moment.ts';
import { progressDue, progressLine } from './progress.ts';
import type { Room } from './room.ts';
import { versionAt } from './state/owner-at.ts';
import { Unanswerable } from './unanswerable.ts';

export type SearchWish = {
  /** Positions or times, inclusive; by default the whole log. */
  readonly from?: Moment | undefined;
  readonly to?: Moment | undefined;
  readonly stream?: StreamName | undefined;
  /** A pattern (RE2) matched against the event's JSON, ignoring case. */
  readonly grep?: string | undefined;
  readonly type?: string | undefined;
  readonly author?: string | undefined;
  /** Only events that made this backend available or unavailable. */
  readonly made?: Availability | undefined;
  /** Newest first. */
  readonly reverse: boolean;
  readonly limit: number;
  /** Adds a line of `progress` now and then, with the last position examined. */
  readonly progress?: boolean;
};

type Line =
  | Recorded
  | { readonly type: 'EventUnreadable'; readonly position: number; readonly stream: string };

const PAGE = 500;
// As much as a follower of the log is sent at a time.
const CHARACTERS = 262_144;

export async function* pourEvents(wish: SearchWish, room: Room): AsyncGenerator<string, undefined> {
  const fits = descriptionOf(wish);
  const isDue = progressDue();
  let left = wish.limit;
  for await (const page of pagesOf(wish, room)) {
    let text = '';
    for (const line of page) {
      if (left === 0) break;
      const json = JSON.stringify(line);
      if (!fits(line, json)) continue;
      text += `${json}\n`;
      left -= 1;
    }
    if (text !== '') yield text;
    if (left === 0) return;
    const looked = page.at(-1);
    if (wish.progress === true && looked !== undefined && isDue())
      yield progressLine({ position: looked.position });
    await room.breathe();
  }
}

function descriptionOf({ grep, type, author }: SearchWish): (line: Line, json: string) => boolean {
  if (type !== undefined) requireType(type);
  const pattern = grep === undefined ? undefined : compiled(grep);
  return (line, json) => {
    if (type !== undefined && line.type !== type) return false;
    if (author !== undefined && (!('metadata' in line) || line.metadata.author !== author)) return false;
    return pattern === undefined || pattern.matcher(json).find();
  };
}

/** A misspelt type would find nothing. */
function requireType(type: string): void {
  const known = [...EVENT_TYPES, 'EventUnreadable'];
  if (known.includes(type)) return;
  throw new Unanswerable('invalid_query', `type: expected one of ${known.join(', ')}, found ${quoted(type)}`);
}

function compiled(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  } catch (error) {
    throw new Unanswerable('invalid_query', `grep: expected a pattern, found ${(error as Error).message}`);
  }
}

async function* pagesOf(wish: SearchWish, room: Room): AsyncGenerator<readonly Line[]> {
  const { log } = room;
  // If `since` is a time: from the first event at or after it, to the millisecond.
  const begins = (log.base()?.position ?? 0) + 1;
  const from = Math.max(begins, wish.from === undefined ? 1 : firstAt(room, wish.from));
  const to = lastAt(room, wish.to);
  if (wish.made !== undefined) {
    const changes = wish.reverse ? availabilityChangesBackwards : availabilityChanges;
    yield* changes(wish.made, room, from, to);
    return;
  }
  const { stream, reverse } = wish;
  if (stream === undefined) {
    yield* pages(from, to, reverse, (start, limit) =>
      log.read({ from: start, limit, characters: CHARACTERS }),
    );
    return;
  }
  const archived = log.baseState(stream)?.version ?? 0;
  const first = Math.max(archived, versionAt(log, stream, from - 1)) + 1;
  yield* pages(first, versionAt(log, stream, to), reverse, (start, limit) =>
    log.readStream(stream, { from: start, limit, characters: CHARACTERS }),
  );
}

function firstAt({ log }: Room, moment: Moment): number {
  if (moment.type === 'position') return Math.max(1, moment.position);
  return positionAt(log, { type: 'time', ms: moment.ms - 1 }, 'since') + 1;
}

/** Bounds beyond the end are allowed: the search ends where the log does. */
function lastAt({ log }: Room, moment: Moment | undefined): number {
  if (moment === undefined) return log.position();
  if (moment.type === 'position') return Math.min(moment.position, log.position());
  return positionAt(log, moment, 'until');
}

type Read = (from: number, limit: number) => readonly Recorded[];

/** Pages shrink if the events are large or one of them cannot be read. */
function* pages(from: number, to: number, reverse: boolean, read: Read): Generator<readonly Line[]> {
  let size = PAGE;
  for (let [low, high] = [from, to]; low <= high; ) {
    const start = reverse ? Math.max(low, high - size + 1) : low;
    const count = Math.min(size, high - start + 1);
    const lines = linesOf(start, count, read);
    const isShort = lines.length < count && count > 1;
    size = isShort ? Math.ceil(count / 2) : Math.min(PAGE, size * 2);
    // The page is short, so the lines read are not the last ones of the range.
    if (reverse && isShort) continue;
    yield reverse ? lines.toReversed() : lines;
    if (reverse) high = start - 1;
    else low += Math.max(1, lines.length);
  }
}

/**
 * Reads forwards up to an event that cannot be read; that one is reported in its own place and does not hide the
 * others.
 */
function linesOf(from: number, count: number, read: Read): readonly Line[] {
  try {
    return read(from, count);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    if (count > 1) return linesOf(from, Math.ceil(count / 2), read);
    const { position, stream, message } = error;
    return [{ type: 'EventUnreadable', position, stream, problem: message } as Line];
  }
}
