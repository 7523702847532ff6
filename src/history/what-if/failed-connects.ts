/** Failed connects in a row, per thread and backend: a given number quarantines the backend. */
import type { LeaseEnd } from '../../../actors/index.ts';

// These ends do not tell whether the backend was connected to.
const UNTOLD: ReadonlySet<LeaseEnd> = new Set(['client_gone', 'unused']);

export class FailedConnects {
  readonly #inRow = new Map<string, number>();

  inRow(thread: number, backendKey: number): number {
    return this.#inRow.get(`${thread} ${backendKey}`) ?? 0;
  }

  /** A lease ended. */
  ended(thread: number, backendKey: number, end: LeaseEnd): void {
    const key = `${thread} ${backendKey}`;
    if (end === 'connect_failed') this.#inRow.set(key, this.inRow(thread, backendKey) + 1);
    else if (!UNTOLD.has(end)) this.#inRow.delete(key);
  }
}
