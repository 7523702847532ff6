/**
 * Flattens strings. A string assembled from pieces is a tree of them until its bytes are needed, and is walked again
 * each time it is written: 20 to 50 ns per piece. Strings that are written often are flattened first.
 */
export function flat(text: string): string {
  // Reading a character flattens the string in place.
  text.charCodeAt(0);
  return text;
}

/** Caches the line made from the latest word, since the next word is mostly the same. */
export class LastLine {
  readonly #make: (word: string) => string;
  #word = '';
  #line: string;

  constructor(make: (word: string) => string) {
    this.#make = make;
    this.#line = flat(make(''));
  }

  of(word: string): string {
    if (word !== this.#word) {
      this.#word = word;
      this.#line = flat(this.#make(word));
    }
    return this.#line;
  }
}
