/** Resolves a moment of the past, as people write it, in this log. */
import type { LogInspection, LogReader, Moment, TimeRange } from '../../eventlog/index.ts';
import { Unanswerable } from './unanswerable.ts';

export { type Moment, parseMoment } from '../../eventlog/index.ts';

type Log = LogInspection & Pick<LogReader, 'position'>;

/** The last position of that moment. `what`: the caller's name for it, used when a moment beyond the end is refused. */
export function positionAt(log: Log, moment: Moment, what: string): number {
  const end = log.position();
  const base = log.base();
  if (moment.type === 'time') {
    if (base !== undefined && moment.ms < base.recordedAtMs)
      throw archived(what, base.position, 'a time before it');
    return Math.max(base?.position ?? 0, lastRecordedBy(log, moment.ms, end));
  }
  if (base !== undefined && moment.position < base.position)
    throw archived(what, base.position, String(moment.position));
  if (moment.position <= end) return moment.position;
  throw new Unanswerable(
    'invalid_query',
    `${what}: expected a position up to ${end}, the end of the log, found ${moment.position}`,
    { end },
  );
}

/** When the event at a position was recorded; position 0 is before all times. */
export function timeAt(log: Log, at: Moment, what: string): number | undefined {
  if (at.type === 'time') return at.ms;
  const position = positionAt(log, at, what);
  if (position === 0) return 0;
  const base = log.base();
  return position === base?.position ? base.recordedAtMs : log.storedEvents(position, 1)[0]?.recordedAtMs;
}

/** The time from one moment to another; a missing one is no limit. `names`: what the caller calls them. */
export function timeBetween(
  log: Log,
  from: Moment | undefined,
  to: Moment | undefined,
  names: readonly [from: string, to: string] = ['from', 'to'],
): TimeRange {
  const fromMs = from && timeAt(log, from, names[0]);
  const toMs = to && timeAt(log, to, names[1]);
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
}

/** For questions about the events at a position: a base has the state that its last event led to, but not the event. */
export function requireEvents(log: Pick<Log, 'base'>, position: number, what: string): void {
  const base = log.base();
  if (base === undefined || position > base.position) return;
  const detail = `${what}: expected a position from ${base.position + 1}, the first event of this log, found ${position}; the archive knows of it`;
  throw new Unanswerable('archived', detail, { begins: base.position });
}

function archived(what: string, base: number, found: string): Unanswerable {
  const detail = `${what}: expected a position from ${base}, where this log begins, found ${found}; the archive knows of it`;
  return new Unanswerable('archived', detail, { begins: base });
}

/** Recorded times never decrease, so a binary search finds it: twenty reads in a million events. */
export function lastRecordedBy(log: Pick<Log, 'storedEvents'>, ms: number, end: number): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const event = log.storedEvents(middle, 1)[0];
    if (event !== undefined && event.recordedAtMs <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}
