/**
 * How long a backend would have taken, and how it would have ended, where that is not recorded: an assumption, based
 * on what is recorded of the request and of that backend at about that time.
 */
import type { LeaseEnd } from '../../../actors/index.ts';
import { type Ask, hasFailed, wasServed } from './ask.ts';

export type Service = { readonly heldMs: number; readonly end: LeaseEnd };

type Sample = { readonly atMs: number; readonly heldMs: number; readonly end: LeaseEnd };
type Known = { readonly samples: Sample[]; readonly typical: Map<number, number> };

// The neighbours whose median is a backend's pace at a moment: the median of a hundred varies by a tenth.
const NEIGHBOURS = 100;
// Within this factor backends count as equally fast: their medians vary, and that must not slow down the simulation.
const ALIKE = 2;
// Requests served by any backend.
const SERVED = 0;

export class ServiceTimes {
  readonly #known = new Map<number, Known>();

  constructor(asks: readonly Ask[]) {
    for (const { lent, back, heldMs } of asks) {
      if (lent === undefined || back === undefined || heldMs === undefined || back.end === 'unused') continue;
      const sample = { atMs: lent.place.atMs, heldMs, end: back.end };
      this.#of(lent.backendKey).samples.push(sample);
      if (wasServed(back.end)) this.#of(SERVED).samples.push(sample);
    }
    for (const { samples } of this.#known.values()) samples.sort((a, b) => a.atMs - b.atMs);
  }

  /** For a request that is recorded elsewhere, or nowhere. `own`: the recorded ask of it that is most similar. */
  assumed(own: Ask | undefined, backendKey: number, atMs: number): Service {
    const there = this.#known.get(backendKey);
    const near = nearest(there ?? this.#of(SERVED), atMs);
    if (near === undefined) return { heldMs: own?.heldMs ?? 0, end: 'finished' };
    if (hasFailed(near.end)) return { heldMs: near.heldMs, end: near.end };
    const isOwn = own?.lent !== undefined && own.back !== undefined && wasServed(own.back.end);
    if (!isOwn || own.heldMs === undefined) return { heldMs: near.heldMs, end: near.end };
    const factor = there === undefined ? 1 : this.#pace(backendKey, own.lent?.backendKey ?? 0, atMs);
    return { heldMs: own.heldMs * factor, end: own.back?.end ?? 'finished' };
  }

  /** How many times slower the one backend is than the other. */
  #pace(backendKey: number, ownKey: number, atMs: number): number {
    const own = this.#typical(ownKey, atMs);
    const other = this.#typical(backendKey, atMs);
    if (own === undefined || other === undefined || own <= 0 || other <= 0) return 1;
    const factor = other / own;
    return factor > ALIKE || factor < 1 / ALIKE ? factor : 1;
  }

  #typical(backendKey: number, atMs: number): number | undefined {
    const known = this.#known.get(backendKey);
    if (known === undefined) return undefined;
    const { samples, typical } = known;
    const bucket = Math.floor(indexAt(samples, atMs) / (NEIGHBOURS / 2));
    const found = typical.get(bucket);
    if (found !== undefined) return found;
    const from = Math.max(
      0,
      Math.min(bucket * (NEIGHBOURS / 2) - NEIGHBOURS / 2, samples.length - NEIGHBOURS),
    );
    const near = samples.slice(from, from + NEIGHBOURS).filter(({ end }) => !hasFailed(end));
    const sorted = near.map(({ heldMs }) => heldMs).toSorted((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    if (median !== undefined) typical.set(bucket, median);
    return median;
  }

  #of(backendKey: number): Known {
    const known = this.#known.get(backendKey);
    if (known !== undefined) return known;
    const fresh = { samples: [], typical: new Map<number, number>() };
    this.#known.set(backendKey, fresh);
    return fresh;
  }
}

function nearest({ samples }: Known, atMs: number): Sample | undefined {
  const index = indexAt(samples, atMs);
  const [before, after] = [samples[index - 1], samples[index]];
  if (before === undefined || after === undefined) return before ?? after;
  return atMs - before.atMs <= after.atMs - atMs ? before : after;
}

/** The index of the first sample after that moment. */
function indexAt(samples: readonly Sample[], atMs: number): number {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The latency that a check-in reports, if it is not recorded because no policy needed it. */
export function latencyOf(end: LeaseEnd, heldMs: number): number {
  return end === 'client_gone' || end === 'unused' || end === 'connect_failed' ? -1 : heldMs;
}
