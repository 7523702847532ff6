/** Counts what is recorded of a pool. */
import type { Ask } from './ask.ts';
import { type Ending, endingOf, type Tally } from './tally.ts';

export function tallyRecorded(asks: readonly Ask[], untilMs: number, tally: Tally): void {
  for (const ask of asks) if (ask.before === undefined) count(ask, tally);
  countLoad(asks, untilMs, tally);
}

function count(first: Ask, tally: Tally): void {
  let waitMs = 0;
  let leases = 0;
  let isQueued = false;
  let last = first;
  for (let ask: Ask | undefined = first; ask !== undefined; ask = ask.next) {
    last = ask;
    if (ask.lent !== undefined) leases += 1;
    if (!ask.isQueued) continue;
    isQueued = true;
    waitMs += waitOf(ask);
  }
  const decisive = isInVain(last) ? (last.before ?? last) : last;
  const timeMs = (decisive.back?.place.atMs ?? first.place.atMs) - first.place.atMs;
  tally.over(endOf(decisive), waitMs, isQueued, timeMs, leases);
}

/** It found nothing free, or waited where all there was had been tried: the word of the backend before it stands. */
function isInVain(ask: Ask): boolean {
  const { refusal, left } = ask;
  return refusal === 'exhausted' || left?.why === 'exhausted' || (left !== undefined && waitOf(ask) === 0);
}

function waitOf({ place, lent, left }: Ask): number {
  return ((lent ?? left)?.place.atMs ?? place.atMs) - place.atMs;
}

function endOf({ refusal, left, back }: Ask): Ending {
  if (refusal !== undefined) return { type: 'refused', refusal };
  if (left !== undefined) return { type: 'gave_up' };
  return back === undefined ? { type: 'unfinished' } : endingOf(back.end);
}

/** In the order in which it happened, so that the peak is one. */
function countLoad(asks: readonly Ask[], untilMs: number, tally: Tally): void {
  const changes: { readonly ask: Ask; readonly isBack: boolean; readonly order: number }[] = [];
  for (const ask of asks) {
    if (ask.lent === undefined) continue;
    changes.push({ ask, isBack: false, order: ask.lent.place.ticket });
    changes.push({
      ask,
      isBack: true,
      order: (ask.back?.place ?? ask.lost)?.ticket ?? Number.MAX_SAFE_INTEGER,
    });
  }
  changes.sort((a, b) => a.order - b.order);
  for (const { ask, isBack } of changes) {
    const { lent, back, lost } = ask;
    if (lent === undefined) continue;
    if (!isBack) tally.lent(lent.backendKey);
    else tally.back(lent.backendKey, ((back?.place ?? lost)?.atMs ?? untilMs) - lent.place.atMs, back?.end);
  }
}
