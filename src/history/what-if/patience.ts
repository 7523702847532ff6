/** How long a simulated request waits in its pool's queue: as recorded where that fits, or as the settings have it. */
import type { PoolSettings } from '../../../eventlog/index.ts';
import type { Ask } from './ask.ts';
import type { Terms } from './terms.ts';
import type { Visit } from './visit.ts';

export type Patience =
  /** It leaves as long after it asked as it is recorded to have left. */
  | { readonly type: 'recorded'; readonly left: NonNullable<Ask['left']> }
  | { readonly type: 'limited'; readonly ms: number };

/** `endMs`: when the record ends. */
export function patienceOf(
  visit: Visit,
  { settings, recorded }: Terms,
  nowMs: number,
  endMs: number,
): Patience {
  const { ask, isBeyond } = visit;
  const mostMs = visit.isHasty ? 0 : waitLimitMs(settings, nowMs - visit.sinceMs);
  const recordedMostMs = waitLimitMs(recorded, ask.place.atMs - ask.first.place.atMs);
  const isSame = mostMs === recordedMostMs;
  const recordedMs = isBeyond ? 0 : waitEndOf(ask, endMs) - ask.place.atMs;
  const left = isBeyond ? undefined : ask.left;
  // It left by itself, or its time was over, as it would be here.
  if (left !== undefined && (isSame || recordedMs < Math.min(mostMs, recordedMostMs)))
    return { type: 'recorded', left };
  // The router's timers are late now and then: a request recorded as served, or as still waiting, was in time.
  return { type: 'limited', ms: isSame ? Math.max(mostMs, recordedMs + 1) : mostMs };
}

/** How long a request that has already taken this long may still wait. */
function waitLimitMs({ queue, retries }: PoolSettings, spentMs: number): number {
  return Math.max(0, Math.min(queue.maxWaitMs, retries.totalMs - spentMs));
}

/** When it was lent something, left, or was lost with its thread; otherwise the end of the record. */
function waitEndOf({ left, lent, lost }: Ask, endMs: number): number {
  return ((left ?? lent)?.place ?? lost)?.atMs ?? endMs;
}
