/** A backend that works on all its requests at once: they share its cores evenly, and nobody has more than one. */
import type { Future } from './happening.ts';
import type { SimulatedRequest } from './request.ts';
import type { Cores } from './scenario.ts';

export class SharingServer {
  readonly #index: number;
  readonly #cores: Cores;
  readonly #agenda: Future;
  /** By request: how much each must have had, counted since the beginning, when it is done. */
  readonly #doneAt = new Map<SimulatedRequest, number>();
  /** What each of them has had: core-milliseconds. */
  #hadMs = 0;
  #asOfMs = 0;
  #version = 0;

  constructor(index: number, cores: Cores, agenda: Future) {
    this.#index = index;
    this.#cores = cores;
    this.#agenda = agenda;
  }

  take(request: SimulatedRequest, nowMs: number): void {
    this.#goOn(nowMs);
    this.#doneAt.set(request, this.#hadMs + request.workMs);
    this.#plan(nowMs);
  }

  /** Done, or given up. */
  drop(request: SimulatedRequest, nowMs: number): void {
    this.#goOn(nowMs);
    this.#doneAt.delete(request);
    this.#plan(nowMs);
  }

  /** Who is done at this moment; nobody where it was planned before something came between, or where the cores changed. */
  done(version: number, nowMs: number): SimulatedRequest | undefined {
    if (version !== this.#version) return undefined;
    this.#goOn(nowMs);
    const [request, doneAtMs] = this.#first();
    // A millionth of a millisecond: what adding up loses.
    if (request !== undefined && doneAtMs - this.#hadMs < 1e-6) return request;
    this.#plan(nowMs);
    return undefined;
  }

  #goOn(nowMs: number): void {
    this.#hadMs += (nowMs - this.#asOfMs) * this.#rate(this.#asOfMs);
    this.#asOfMs = nowMs;
  }

  #rate(nowMs: number): number {
    return Math.min(1, this.#cores.at(nowMs) / Math.max(1, this.#doneAt.size));
  }

  /** The first to be done, or the next change of the cores. */
  #plan(nowMs: number): void {
    this.#version += 1;
    if (this.#doneAt.size === 0) return;
    const { everyMs } = this.#cores;
    const [, doneAtMs] = this.#first();
    const changesMs = (Math.floor(nowMs / everyMs) + 1) * everyMs;
    const endsMs = nowMs + (doneAtMs - this.#hadMs) / this.#rate(nowMs);
    const what = { type: 'worked', index: this.#index, version: this.#version } as const;
    this.#agenda.plan(Math.min(changesMs, endsMs), what);
  }

  #first(): readonly [SimulatedRequest | undefined, number] {
    let first: SimulatedRequest | undefined;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const [request, doneAtMs] of this.#doneAt)
      if (doneAtMs < firstMs) {
        first = request;
        firstMs = doneAtMs;
      }
    return [first, firstMs];
  }
}
