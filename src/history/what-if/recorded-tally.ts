/** Counts what is recorded of a pool. */
import { Ask } from './ask.ts';
import { EarlierLeases } from './earlier-leases.ts';
import type { Outside, Recording } from './recording.ts';
import { type Ending, endingOf, type Tally } from './tally.ts';

/** `sinceMs`: the beginning of the time that is looked at. */
export function tallyRecorded(recording: Recording, sinceMs: number, tally: Tally): void {
  for (const ask of recording.asks) if (ask.before === undefined) count(ask, tally);
  countLoad(recording, sinceMs, tally);
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

/** It found nothing free, or waited although all backends had been tried: the end of its previous lease decides. */
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

type Change = { readonly order: number; readonly of: Ask | Outside; readonly isBack: boolean };

/** In the order of events, so that the peak is right. */
function countLoad({ asks, outside, rows, atMs }: Recording, sinceMs: number, tally: Tally): void {
  const earlier = new EarlierLeases(rows, sinceMs, tally);
  const changes: Change[] = outside.map((of) => ({ order: of.place.ticket, of, isBack: true }));
  for (const of of asks) {
    if (of.lent === undefined) continue;
    const back = of.back?.place ?? of.lost;
    changes.push({ order: of.lent.place.ticket, of, isBack: false });
    changes.push({ order: back?.ticket ?? Number.MAX_SAFE_INTEGER, of, isBack: true });
  }
  changes.sort((a, b) => a.order - b.order);
  for (const { of, isBack } of changes) {
    if (of instanceof Ask) countLease(of, isBack, atMs, tally);
    else if (of.type === 'returned') earlier.returned(of.thread, of.lease.backendKey, of.place.atMs);
    else if (of.type === 'reaped') earlier.lost(of.dead, of.place.atMs);
  }
  earlier.end(atMs);
}

function countLease({ lent, back, lost }: Ask, isBack: boolean, untilMs: number, tally: Tally): void {
  if (lent === undefined) return;
  const { backendKey, place } = lent;
  if (!isBack) tally.lent(backendKey);
  else tally.back(backendKey, ((back?.place ?? lost)?.atMs ?? untilMs) - place.atMs, back?.end);
}
