/** An excerpt of unreadable text, for an error message. What may be a token is not shown. */
import { quoted } from '../../eventlog/index.ts';

export const UNSHOWN = 'something that may be a token, and is not shown';

// A token of 4096 characters and the text around it.
const MOST_BEFORE = 5000;
const KEY = 'token';
const OF_KEY = /^["']?\s*:?/;
const ANOTHER_KEY = /["']\s*:|:\s/;

/** The text between two offsets, but no more than a line. */
export function excerpt(text: string, from: number, to: number): string {
  return mayBeToken(text, from, to) ? UNSHOWN : quoted(lineOf(text, from, to));
}

/** Whether the text there is, or contains, a token or a part of one. */
export function mayBeToken(text: string, from: number, to: number): boolean {
  if (lineOf(text, from, to).includes(KEY)) return true;
  const before = text.slice(Math.max(0, from - MOST_BEFORE), from);
  const named = before.lastIndexOf(KEY);
  return named !== -1 && !ANOTHER_KEY.test(before.slice(named + KEY.length).replace(OF_KEY, ''));
}

function lineOf(text: string, from: number, to: number): string {
  return text.slice(from, to).trimStart().split('\n', 1)[0]!;
}
