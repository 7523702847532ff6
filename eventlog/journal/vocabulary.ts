/**
 * The closed lists of words that records refer to by number. Each segment keeps its own copy, so codes may change between
 * versions.
 */

export type Vocabulary = {
  readonly methods: readonly string[];
  /** How requests end. */
  readonly outcomes: readonly string[];
  readonly phases: readonly string[];
  /** How attempts end. */
  readonly ends: readonly string[];
};

/** The number of each word in a list. A word that is not in it is encoded as 255. */
export function codesOf(words: readonly string[]): ReadonlyMap<string, number> {
  if (words.length > OTHER) throw new RangeError(`expected at most ${OTHER} words, found ${words.length}`);
  return new Map(words.map((word, code) => [word, code]));
}

export const OTHER = 255;
