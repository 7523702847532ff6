/** A point of the past as people name it: a position in the log, or a time. */
import { type Parsed, quoted } from './names.ts';

export type Moment =
  /** Inclusive; 0 is before everything. */
  | { readonly type: 'position'; readonly position: number }
  /** Epoch milliseconds; all that was recorded then or before. */
  | { readonly type: 'time'; readonly ms: number };

export function parseMoment(text: string): Parsed<Moment> {
  if (/^\d{1,15}$/.test(text)) return { ok: true, value: { type: 'position', position: Number(text) } };
  const ms = parseTime(text);
  if (ms !== undefined) return { ok: true, value: { type: 'time', ms } };
  return {
    ok: false,
    problem: `expected a position or a time such as 2026-01-31T14:03:00Z, found ${quoted(text)}`,
  };
}

// RFC 3339 §5.6: with an offset; `+` may arrive as a space, since that is what it means in a query.
const TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+ -]\d{2}:\d{2})$/;

function parseTime(text: string): number | undefined {
  const ms = TIME.test(text) ? Date.parse(text.toUpperCase().replace(' ', '+')) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
