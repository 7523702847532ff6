/** What became of the requests of a simulation. */
import type { LedgerRecord } from '../../actors/pool/ledger/index.ts';
import { Samples, type Summary } from '../../src/simulation/index.ts';
import type { SimulatedRequest } from './request.ts';
import type { Scenario } from './scenario.ts';

export interface Outcome {
  /** From arrival to the start of service; those that were never served are not in it. */
  readonly waits: Summary;
  /** From arrival to the answer. */
  readonly times: Summary;
  /** From the start of service to its end. */
  readonly held: Summary;
  readonly requests: number;
  /** Requests of which the first backend they were sent to did not begin at once, or that queued in the ledger. */
  readonly waited: number;
  readonly good: number;
  /** Clients that went away. */
  readonly left: number;
  /** By the second in which they arrived. */
  readonly badBySecond: readonly number[];
  /** Times that a request waited in the ledger while a row was open. It never happens. */
  readonly waitedInVain: number;
  readonly sentTo: readonly number[];
  /** Of what was sent already; and those that the budget denied. */
  readonly retries: number;
  readonly denied: number;
  /** Processor time that one request took. */
  readonly cpuNs: number;
  readonly records: readonly LedgerRecord[];
  readonly waitsInOrder: Float64Array;
}

export class Tally {
  readonly #warmUpMs: number;
  readonly #goodWithinMs: number;
  readonly #waits = new Samples();
  readonly #waitsInOrder: Float64Array;
  readonly #times = new Samples();
  readonly #held = new Samples();
  readonly #badBySecond: number[] = [];
  #counted = 0;
  #waited = 0;
  #good = 0;
  #left = 0;
  over = 0;
  waitedInVain = 0;
  retries = 0;
  denied = 0;

  constructor({ requests, warmUpMs = 0, goodWithinMs = Number.POSITIVE_INFINITY }: Scenario) {
    this.#warmUpMs = warmUpMs;
    this.#goodWithinMs = goodWithinMs;
    this.#waitsInOrder = new Float64Array(requests).fill(-1);
  }

  /** A backend begins on it, for the first time. */
  served({ number, arrivedMs }: SimulatedRequest, nowMs: number): void {
    const waitMs = nowMs - arrivedMs;
    this.#waitsInOrder[number] = waitMs;
    if (arrivedMs < this.#warmUpMs) return;
    this.#waits.add(waitMs);
    if (waitMs > 0) this.#waited += 1;
  }

  ended({ arrivedMs, servedMs }: SimulatedRequest, status: number, nowMs: number): void {
    this.over += 1;
    if (arrivedMs < this.#warmUpMs) return;
    const tookMs = nowMs - arrivedMs;
    this.#counted += 1;
    this.#times.add(tookMs);
    if (servedMs >= 0) this.#held.add(nowMs - servedMs);
    if (status < 500 && tookMs <= this.#goodWithinMs) this.#good += 1;
    else {
      const second = Math.floor(arrivedMs / 1000);
      this.#badBySecond[second] = (this.#badBySecond[second] ?? 0) + 1;
    }
  }

  left({ arrivedMs, servedMs }: SimulatedRequest, nowMs: number): void {
    this.over += 1;
    this.#left += 1;
    if (servedMs >= 0 && arrivedMs >= this.#warmUpMs) this.#held.add(nowMs - servedMs);
  }

  outcome(more: Pick<Outcome, 'cpuNs' | 'records' | 'sentTo'>): Outcome {
    return {
      ...more,
      waits: this.#waits.summary(),
      times: this.#times.summary(),
      held: this.#held.summary(),
      requests: this.#counted,
      waited: this.#waited,
      good: this.#good,
      left: this.#left,
      badBySecond: this.#badBySecond,
      waitedInVain: this.waitedInVain,
      retries: this.retries,
      denied: this.denied,
      waitsInOrder: this.#waitsInOrder,
    };
  }
}
