/**
 * Reads JSON strictly: an error names line and column, and a duplicate key is refused, where `JSON.parse` would
 * silently let the later one win.
 */
import { excerpt } from './excerpt.ts';
import { type Checked, type Path, type Problem, renderPath } from './problem.ts';
import { scanJson } from './scan-json.ts';

export function readJson(text: string): Checked<unknown> {
  const value = parsedJson(text);
  if (value !== undefined && repeatsNothing(text, value)) return { ok: true, value };
  const { fault, repeated } = scanJson(text);
  const placeOf = placesIn(text);
  if (fault !== undefined) return { ok: false, problems: [{ ...faultAt(text, fault), ...placeOf(fault) }] };
  if (repeated.length === 0) return { ok: true, value };
  const problems = repeated.map(({ path, offset }) => ({ ...repetition(path), ...placeOf(offset) }));
  return { ok: false, problems };
}

/** As `JSON.parse` reads it; undefined if it is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Deeper nesting is not a configuration; it is handled without recursion.
const MAX_DEPTH = 32;

/**
 * Whether every key in the text is also in the value. Without escapes each string takes two quotes of the text, and a
 * duplicate key leaves one string fewer in the value. False means perhaps not.
 */
function repeatsNothing(text: string, value: unknown): boolean {
  return !text.includes('\\') && 2 * stringsIn(value, MAX_DEPTH) === quotesIn(text);
}

/** Keys and strings; NaN if the value is too deep to count. */
function stringsIn(value: unknown, depth: number): number {
  if (typeof value === 'string') return 1;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  let strings = 0;
  if (Array.isArray(value)) {
    for (const inner of value) strings += stringsIn(inner, depth - 1);
    return strings;
  }
  for (const key of Object.keys(value)) strings += 1 + stringsIn((value as Members)[key], depth - 1);
  return strings;
}

type Members = Readonly<Record<string, unknown>>;

function quotesIn(text: string): number {
  let quotes = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) quotes += 1;
  return quotes;
}

function faultAt(text: string, offset: number): Problem {
  const found = offset >= text.length ? 'the end of the text' : excerpt(text, offset, offset + 20);
  return { path: '', expected: 'JSON', found };
}

function repetition(path: Path): Problem {
  return { path: renderPath(path), expected: 'each key once', found: 'it a second time' };
}

/** Offsets must increase, so that the text is scanned only once. */
function placesIn(text: string): (offset: number) => { line: number; column: number } {
  let line = 1;
  let start = 0;
  let end = text.indexOf('\n');
  return (offset) => {
    while (end !== -1 && end < offset) {
      line += 1;
      start = end + 1;
      end = text.indexOf('\n', start);
    }
    return { line, column: offset - start + 1 };
  };
}
