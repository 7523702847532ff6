/** Where in the log a moment of the past is. */
import type { LogInspection, LogReader } from '../../eventlog/index.ts';
import type { Moment } from './moment.ts';
import { Unanswerable } from './unanswerable.ts';

type Log = LogInspection & Pick<LogReader, 'position'>;

/** The last position of that moment. `what`: how whoever asked called it, for the refusal of one beyond the end. */
export function positionAt(log: Log, moment: Moment, what: string): number {
  const end = log.position();
  if (moment.type === 'time') return lastRecordedBy(log, moment.ms, end);
  if (moment.position <= end) return moment.position;
  throw new Unanswerable(
    'invalid_query',
    `${what}: expected a position up to ${end}, the end of the log, found ${moment.position}`,
    { end },
  );
}

/** Recorded times never decrease, so a search by halves finds it: twenty reads in a million events. */
function lastRecordedBy(log: Log, ms: number, end: number): number {
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
