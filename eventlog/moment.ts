/** A point of the past as operators name it: a position in the log, or a time. */
import { type Parsed, quoted } from './names.ts';

export type Moment =
  /** Inclusive; 0 is before everything. */
  | { readonly type: 'position'; readonly position: number }
  /** Epoch milliseconds; includes everything recorded at or before that time. */
  | { readonly type: 'time'; readonly ms: number };

export function parseMoment(text: string): Parsed<Moment> {
  if (/^\d{1,15}$/.test(text)) return { ok: true, value: { type: 'position', position: Number(text) } };
  const time = parseTime(text, 'a position or a time');
  return time.ok ? { ok: true, value: { type: 'time', ms: time.value } } : time;
}

// RFC 3339 §5.6, with an offset. `+` may arrive as a space, which is what it means in a query string.
const TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+ -]\d{2}:\d{2})$/;

/** Epoch milliseconds. `what`: what was expected, for the message. */
export function parseTime(text: string, what = 'a time'): Parsed<number> {
  const refused = (expected: string) => ({
    ok: false as const,
    problem: `expected ${expected}, found ${quoted(text)}`,
  });
  if (!TIME.test(text)) return refused(`${what} such as 2026-01-31T14:03:00Z`);
  const written = text.toUpperCase().replace(' ', '+');
  const ms = Date.parse(written);
  if (Number.isNaN(ms) || !isInCalendar(written.slice(0, SECONDS_END)))
    return refused('a date and a time that exist');
  return { ok: true, value: ms };
}

/** As `parseTime` reads it: RFC 3339, in UTC, to the millisecond. */
export function renderTime(ms: number): string {
  return new Date(ms).toISOString();
}

const SECONDS_END = '2026-01-31T14:03:00'.length;

/** `Date.parse` reads February 30th as March 2nd, and 24:00 as the next day. */
function isInCalendar(local: string): boolean {
  return new Date(`${local}Z`).toISOString().startsWith(local);
}
