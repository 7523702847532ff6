/** What of the journal was found to be other than it was written, by file. */

// Harm to one page may spoil hundreds of rows: the first of them say where.
const MOST_TOLD = 8;

type Found = { readonly told: Set<string>; untold: boolean };

export class Damage {
  readonly #found = new Map<string, Found>();

  add(path: string, error: unknown): void {
    const found = this.#found.get(path) ?? { told: new Set(), untold: false };
    this.#found.set(path, found);
    const what = `${path}: ${(error as Error).message}`;
    if (found.told.size < MOST_TOLD) found.told.add(what);
    else if (!found.told.has(what)) found.untold = true;
  }

  /** What was wrong with the file may have passed. */
  forget(path: string): void {
    this.#found.delete(path);
  }

  /** A sentence for each. */
  all(): readonly string[] {
    return [...this.#found].flatMap(([path, { told, untold }]) =>
      untold ? [...told, `${path}: and more`] : [...told],
    );
  }
}
