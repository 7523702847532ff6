/** Why a step went as it did, in a sentence. */
import type { Refusal, Wait } from '../../../actors/index.ts';
import type { NamedCandidate, Sight } from './story.ts';

export function whyPicked(sight: Sight, backend: string): string {
  const open = sight.candidates.filter((candidate) => candidate.open);
  const others = sight.candidates.length - open.length;
  const aside = others === 0 ? '' : `; ${others} could not be had (${reasonsAgainst(sight.candidates)})`;
  const its = open.find((candidate) => candidate.backend === backend);
  if (its?.isTrial === true)
    return `${backend} was out, its time is over, and this request is its trial${aside}`;
  if (its?.isHome === true) return `${backend} is where its client was before${aside}`;
  if (open.length === 1) return `${backend} was the only one that could be had${aside}`;
  const drawn = sight.draws.length > 0 ? ', drawn by chance' : '';
  switch (sight.policy) {
    case 'random':
      return `chance named ${backend} of ${open.length}, in proportion to weight${aside}`;
    case 'p2c':
      return `${backend} had the least in flight for its weight of the two that chance named${aside}`;
    case 'round-robin':
      return `it was the turn of ${backend}${aside}`;
    case 'consistent-hash':
      return sight.measure?.startsWith('lot') === true
        ? `the key belongs to ${backend}, as far as it has room within its bound${aside}`
        : `without a key, ${backend} had the fewest in flight for its weight${drawn}${aside}`;
    case 'peak-ewma':
      return `${backend} had the least cost by latency and load${drawn}${aside}`;
    default: {
      const least = open.filter((candidate) => candidate.score === its?.score).length;
      const among = least > 1 ? `, one of ${least} alike${drawn}` : '';
      return `${backend} had the fewest in flight for its weight${among}${aside}`;
    }
  }
}

const REFUSED = {
  no_backends: 'the pool had no backends',
  starting: 'no backend was up, and some were starting',
  queue_full: 'none could be had, and the queue was full',
  exhausted: 'all backends had been tried',
} as const satisfies Record<Refusal, string>;

export function whyRefused(sight: Sight | null, refusal: Refusal): string {
  return `${REFUSED[refusal]}${reasonsIn(sight)}`;
}

export function whyQueued(sight: Sight | null): string {
  if (sight === null) return 'none could be had';
  const place = `place ${sight.waiting + 1} of ${sight.maxWaiting} in the queue`;
  if (sight.candidates.length === 0) return `backends were about to be added; ${place}`;
  return `none could be had (${reasonsAgainst(sight.candidates)}); ${place}`;
}

const LEFT = {
  busy: 'it left the queue: all that were up stayed full',
  unavailable: 'it left the queue: none was up',
  starting: 'it left the queue: none was up yet',
  exhausted: 'it left the queue: all had been tried',
  no_backends: 'it left the queue: the pool had no backends any more',
} as const satisfies Record<Wait, string>;

export function whyLeft(sight: Sight | null, wait: Wait): string {
  // Of a pool that was removed the sight is of just before.
  return wait === 'no_backends' ? LEFT[wait] : `${LEFT[wait]}${reasonsIn(sight)}`;
}

/** It came while its pool had no ledger, and ended before there was one. */
export function whyUnmade(ms: number, outcome: string): string {
  const waited = `it waited ${Math.round(ms)} ms for the ledger of its pool, which slept`;
  return outcome === 'owner_unavailable' ? `${waited}; its owner did not make it` : waited;
}

export function whyUnsettled(): string {
  return 'it waited for its worker to learn of the backends that the ledger gave it';
}

const AGAINST = {
  tried: 'tried before',
  full: 'at its limit',
  route_ejected: 'failing for this route',
  not_home: 'not where its client belongs',
  quarantined: 'quarantined',
  ejected: 'ejected',
  failing: 'failing its probes',
  draining: 'draining',
  starting: 'starting',
  removed: 'removed',
} as const satisfies Record<NonNullable<NamedCandidate['against']>, string>;

export function againstOf({ against, inFlight, limit }: NamedCandidate): string {
  if (against === undefined) return '';
  return against === 'full' ? `at its limit, ${inFlight}/${limit}` : AGAINST[against];
}

function reasonsIn(sight: Sight | null): string {
  return sight === null || sight.candidates.length === 0 ? '' : ` (${reasonsAgainst(sight.candidates)})`;
}

/** `2 at their limit, 1 quarantined`. */
function reasonsAgainst(candidates: readonly NamedCandidate[]): string {
  const counts = new Map<string, number>();
  for (const { against } of candidates)
    if (against !== undefined) counts.set(AGAINST[against], (counts.get(AGAINST[against]) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}
