/** Failed connects in a row, of all threads: a given number quarantines the backend. */
import type { LeaseEnd } from '../../../actors/index.ts';

// These ends do not tell whether the backend was connected to.
const UNTOLD: ReadonlySet<LeaseEnd> = new Set(['client_gone', 'unused']);

export class FailedConnects {
  readonly #inRow = new Map<number, number>();

  inRow(backendKey: number): number {
    return this.#inRow.get(backendKey) ?? 0;
  }

  /** A lease ended. */
  ended(backendKey: number, end: LeaseEnd): void {
    if (end === 'connect_failed') this.#inRow.set(backendKey, this.inRow(backendKey) + 1);
    else if (!UNTOLD.has(end)) this.#inRow.delete(backendKey);
  }
}
