/** What may be in force at a moment: a change is from its answer on, and perhaps from its asking. */
type Change<T> = { readonly value: T; readonly askedAtMs: number; answeredAtMs: number };

export class InForce<T> {
  #changes: Change<T>[];

  constructor(first: T) {
    this.#changes = [{ value: first, askedAtMs: 0, answeredAtMs: 0 }];
  }

  /** It is about to be asked for, one at a time, or comes by itself then; what is returned is called once it is in force. */
  wish(value: T, askedAtMs = performance.now()): () => void {
    const change = { value, askedAtMs, answeredAtMs: Number.POSITIVE_INFINITY };
    this.#changes.push(change);
    return () => {
      change.answeredAtMs = performance.now();
    };
  }

  /** All that may have been in force at some moment of the time from `fromMs` to `toMs`. */
  between(fromMs: number, toMs: number): readonly T[] {
    const before = this.#changes.findLastIndex(({ answeredAtMs }) => answeredAtMs <= fromMs);
    return this.#changes
      .slice(before)
      .filter(({ askedAtMs }) => askedAtMs <= toMs)
      .map(({ value }) => value);
  }
}
