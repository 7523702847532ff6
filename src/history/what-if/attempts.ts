/**
 * Which asks belong to one request: an ask that excludes a backend follows one of the same thread that was given it.
 */
import type { LeaseEnd } from '../../../actors/index.ts';
import type { Ask } from './ask.ts';

// Leases of one thread on one backend that may be followed by another attempt: only the newest, since failures are
// retried at once.
const MOST_KEPT = 64;
// Retries follow at once; this is how late a busy thread may be.
const AT_ONCE_MS = 100;

const NOT_TRIED_AGAIN: ReadonlySet<LeaseEnd> = new Set(['finished', 'client_gone', 'cut']);

export class Attempts {
  readonly #lent = new Map<string, Ask[]>();

  lent(ask: Ask, backendKey: number): void {
    const key = keyOf(ask.asked.thread, backendKey);
    const kept = this.#lent.get(key) ?? [];
    if (kept.length === 0) this.#lent.set(key, kept);
    if (kept.length >= 2 * MOST_KEPT) kept.splice(0, MOST_KEPT);
    kept.push(ask);
  }

  /** The thread died: later operations under its number belong to another thread. */
  forget(thread: number): void {
    for (const key of [...this.#lent.keys()]) if (key.startsWith(`${thread} `)) this.#lent.delete(key);
  }

  /** Links an ask to the one before it, if there is one. */
  follow(ask: Ask): void {
    const { tried, thread } = ask.asked;
    const last = tried.at(-1);
    if (last === undefined) return;
    const kept = this.#lent.get(keyOf(thread, last)) ?? [];
    const found = kept.findLastIndex((each) => isBefore(each, ask) && each.back !== undefined);
    const index = found >= 0 ? found : kept.findLastIndex((each) => isBefore(each, ask));
    const before = kept[index];
    if (before === undefined) return;
    kept.splice(index, 1);
    ask.before = before;
    before.next = ask;
  }
}

function isBefore(before: Ask, ask: Ask): boolean {
  const { asked, back, next, lost } = before;
  const again = ask.asked;
  if (next !== undefined || lost !== undefined) return false;
  if (back !== undefined && (NOT_TRIED_AGAIN.has(back.end) || back.place.atMs < ask.place.atMs - AT_ONCE_MS))
    return false;
  return (
    asked.hash === again.hash &&
    asked.route === again.route &&
    asked.tried.length === again.tried.length - 1 &&
    asked.tried.every((key, index) => key === again.tried[index])
  );
}

function keyOf(thread: number, backendKey: number): string {
  return `${thread} ${backendKey}`;
}
