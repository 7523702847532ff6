/**
 * Whether a pool has wanted more backends for long enough to say so: pure, fed with one look after the other. A pool is
 * pressed while requests wait for it or are refused for want of a free backend.
 *
 *   calm ──pressed──▶ rising ──pressed for 2 s, or none is up──▶ wanted ⟲ said again, ever more seldom
 *    ▲                   └──────────────calm for as long────────────┘
 */

/** What the ledger says of a pool at one moment. */
export type Pressure = {
  readonly waiting: number;
  /** Refused so far; it wraps. */
  readonly refused: number;
};

export type Supply = { readonly backends: number; readonly up: number; readonly limit: number | null };

export type Want = { readonly cause: WantCause; readonly refused: number; readonly forMs: number };
export type WantCause =
  /** Backends are up, and all their slots are taken. */
  | 'saturated'
  /** There are backends, and none is up: they start, drain, or are quarantined. */
  | 'none_up'
  | 'no_backends';

// 500 ms a look, so four of them are 2 s: longer than a burst that a queue is there for.
export const LOOK_MS = 500;
const RISEN = 4;
// So long must it be calm again, at most, until it counts as over.
const MOST = 8;
// 10 s: a platform needs about as long to start a process; five minutes where nobody seems to listen.
const SAY_AGAIN_MS = 10_000;
const LONGEST_MS = 300_000;

export class Demand {
  #refusedBefore: number;
  #level = 0;
  #sinceMs = 0;
  /** Refused since the last word. */
  #refused = 0;
  #intervalMs = SAY_AGAIN_MS;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #told: Supply | undefined;

  /** `refused`: as it stood before there was anything to look at. */
  constructor(refused: number) {
    this.#refusedBefore = refused;
  }

  /** Nothing presses any more, and nothing is remembered that matters. */
  isOver(nowMs: number): boolean {
    return this.#level === 0 && nowMs >= this.#saidAtMs + SAY_AGAIN_MS;
  }

  /** `supply` is asked for only while it is pressed. A want is to be told; it is not repeated before its time. */
  look({ waiting, refused }: Pressure, nowMs: number, supply: () => Supply): Want | undefined {
    // Less than before: the ledger was made anew, or the count went round.
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
    // Somebody listens, and what they did was not enough: they are told as soon as others would be.
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
