/** The range of a read, checked and with its defaults. */
import type { ReadOptions } from './readings.ts';

export type Range = {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly characters: number;
};

const LIMIT = 1000;
// 10 000 events of a few hundred bytes: some megabytes and about 20 ms at a time.
const MAX_LIMIT = 10_000;

/** Throws a RangeError for bounds that `ReadOptions` does not allow: a bug of the caller. */
export function rangeOf({
  from = 1,
  to = Number.MAX_SAFE_INTEGER,
  limit = LIMIT,
  characters = Number.POSITIVE_INFINITY,
}: ReadOptions = {}): Range {
  requireWhole('from', from, 1, Number.MAX_SAFE_INTEGER);
  requireWhole('to', to, 0, Number.MAX_SAFE_INTEGER);
  requireWhole('limit', limit, 1, MAX_LIMIT);
  return { from, to, limit, characters };
}

/** Yields rows until they have this many characters. */
export function* takeCharacters<Row>(
  rows: Iterable<Row>,
  characters: number,
  textOf: (row: Row) => string,
): Generator<Row> {
  let left = characters;
  for (const row of rows) {
    yield row;
    // In a damaged row this may be anything, or nothing.
    const text: unknown = textOf(row);
    left -= typeof text === 'string' ? text.length : 0;
    if (left <= 0) return;
  }
}

export function requireWhole(what: string, found: number, least: number, most: number): void {
  if (Number.isInteger(found) && found >= least && found <= most) return;
  throw new RangeError(`expected ${what} to be a whole number from ${least} to ${most}, found ${found}`);
}
