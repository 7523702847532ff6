/**
 * Decides whether a pool has wanted more backends for long enough to report it; pure, fed with one look after the other. A
 * pool is pressed while requests wait for it, or are refused because no backend is free.
 *
 *   calm ──pressed──▶ rising ──pressed for 2 s, or none is up──▶ wanted ⟲ reported again, less and less often
 *    ▲                   └──────────────calm for as long────────────┘
 */

/** The pressure on a pool at one moment, according to the ledger. */
export type Pressure = {
  readonly waiting: number;
  /** Refused so far; wraps. */
  readonly refused: number;
};

export type Supply = { readonly backends: number; readonly up: number; readonly limit: number | null };

export type Want = { readonly cause: WantCause; readonly refused: number; readonly forMs: number };
export type WantCause =
  /** Backends are up, and all their slots are taken. */
  | 'saturated'
  /** There are backends, and none is up: they are starting, draining or quarantined. */
  | 'none_up'
  | 'no_backends';

// 500 ms between looks, so four looks are 2 s: longer than the bursts that a queue is meant for.
export const LOOK_MS = 500;
const RISEN = 4;
// It counts as over after at most this many calm looks.
const MOST = 8;
// 10 s: about as long as a platform takes to start a process. Up to five minutes if nobody seems to listen.
const SAY_AGAIN_MS = 10_000;
const LONGEST_MS = 300_000;

export class Demand {
  #refusedBefore: number;
  #level = 0;
  #sinceMs = 0;
  /** Requests refused since the last report. */
  #refused = 0;
  #intervalMs = SAY_AGAIN_MS;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #told: Supply | undefined;

  /** `refused`: the count before the first look. */
  constructor(refused: number) {
    this.#refusedBefore = refused;
  }

  /** Nothing presses any more, and nothing has to be remembered. */
  isOver(nowMs: number): boolean {
    return this.#level === 0 && nowMs >= this.#saidAtMs + SAY_AGAIN_MS;
  }

  /** Returns a want that is to be reported now; it is not repeated before its time. `supply` is only called under pressure. */
  look({ waiting, refused }: Pressure, nowMs: number, supply: () => Supply): Want | undefined {
    // The count fell: the ledger was made anew, or the count wrapped.
    const more = Math.max(0, refused - this.#refusedBefore);
    this.#refusedBefore = refused;
    this.#refused += more;
    if (waiting === 0 && more === 0) {
      this.#calm();
      return undefined;
    }
    if (this.#level === 0) this.#sinceMs = nowMs;
    this.#level = Math.min(MOST, this.#level + 1);
    return this.#judge(nowMs, supply());
  }

  #calm(): void {
    this.#level = Math.max(0, this.#level - 1);
    if (this.#level > 0) return;
    this.#refused = 0;
    this.#told = undefined;
  }

  #judge(nowMs: number, supply: Supply): Want | undefined {
    if (supply.up > 0 && this.#level < RISEN) return undefined;
    // Somebody reacted, and it was not enough: they are told again as soon as anybody else would be.
    const isNews = this.#told === undefined || !isSame(this.#told, supply);
    if (isNews) this.#intervalMs = SAY_AGAIN_MS;
    if (nowMs < this.#saidAtMs + this.#intervalMs) return undefined;
    const want = { cause: causeOf(supply), refused: this.#refused, forMs: nowMs - this.#sinceMs };
    this.#refused = 0;
    this.#told = supply;
    this.#saidAtMs = nowMs;
    this.#intervalMs = Math.min(LONGEST_MS, this.#intervalMs * 2);
    return want;
  }
}

function causeOf({ backends, up }: Supply): WantCause {
  if (up > 0) return 'saturated';
  return backends === 0 ? 'no_backends' : 'none_up';
}

function isSame(a: Supply, b: Supply): boolean {
  return a.backends === b.backends && a.up === b.up && a.limit === b.limit;
}
