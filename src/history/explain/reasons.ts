/** Why a step went as it did, in a sentence. */
import type { Refusal, Wait } from '../../../actors/index.ts';
import type { NamedCandidate, Sight } from './story.ts';

export function whyPicked(sight: Sight, backend: string): string {
  const open = sight.candidates.filter((candidate) => candidate.open);
  const others = sight.candidates.length - open.length;
  const aside = others === 0 ? '' : `; ${others} unavailable (${reasonsAgainst(sight.candidates)})`;
  const its = open.find((candidate) => candidate.backend === backend);
  if (its?.isTrial === true)
    return `${backend} was ejected, its time is over, and this request is its trial${aside}`;
  if (its?.isHome === true) return `${backend} served this client before (sticky session)${aside}`;
  if (open.length === 1) return `${backend} was the only one available${aside}`;
  const drawn = sight.draws.length > 0 ? ', chosen at random' : '';
  switch (sight.policy) {
    case 'random':
      return `${backend} was drawn at random, by weight, from ${open.length}${aside}`;
    case 'p2c':
      return `${backend} had the fewest requests in flight by weight of two drawn at random${aside}`;
    case 'round-robin':
      return `it was ${backend}’s turn${aside}`;
    case 'consistent-hash':
      return sight.measure?.startsWith('lot') === true
        ? `the key maps to ${backend}, of those below the load bound${aside}`
        : `without a key, ${backend} had the fewest requests in flight by weight${drawn}${aside}`;
    case 'peak-ewma':
      return `${backend} had the lowest cost by latency and load${drawn}${aside}`;
    default: {
      const least = open.filter((candidate) => candidate.score === its?.score).length;
      const among = least > 1 ? `, tied with ${least - 1} more${drawn}` : '';
      return `${backend} had the fewest requests in flight by weight${among}${aside}`;
    }
  }
}

const REFUSED = {
  no_backends: 'the pool had no backends',
  starting: 'no backend was up; some were starting',
  queue_full: 'no backend was available, and the queue was full',
  exhausted: 'all backends had been tried',
} as const satisfies Record<Refusal, string>;

export function whyRefused(sight: Sight | null, refusal: Refusal): string {
  return `${REFUSED[refusal]}${reasonsIn(sight)}`;
}

export function whyQueued(sight: Sight | null): string {
  if (sight === null) return 'no backend was available';
  const place = `place ${sight.waiting + 1} of ${sight.maxWaiting} in the queue`;
  if (sight.candidates.length === 0) return `backends were about to be added; ${place}`;
  return `no backend was available (${reasonsAgainst(sight.candidates)}); ${place}`;
}

const LEFT = {
  busy: 'it left the queue: all backends that were up stayed at their limits',
  unavailable: 'it left the queue: no backend was up',
  starting: 'it left the queue: no backend was up yet',
  exhausted: 'it left the queue: all backends had been tried',
  no_backends: 'it left the queue: the pool had no backends left',
} as const satisfies Record<Wait, string>;

export function whyLeft(sight: Sight | null, wait: Wait): string {
  // If the pool was removed, the sight is from just before.
  return wait === 'no_backends' ? LEFT[wait] : `${LEFT[wait]}${reasonsIn(sight)}`;
}

/** The request came while its pool had no ledger, and ended before there was one. */
export function whyUnmade(ms: number, outcome: string): string {
  const waited = `it waited ${Math.round(ms)} ms for its pool to wake up`;
  return outcome === 'owner_unavailable' ? `${waited}; it failed because its owner failed` : waited;
}

export function whyUnsettled(): string {
  return 'it waited for its worker to learn of the backends that it was given';
}

/** Nobody was left to use what it was granted, or its worker did not know it yet. */
export function whyUnused(): string {
  return 'it ended before it could use what it was given, which was given back';
}

const AGAINST = {
  tried: 'tried before',
  full: 'at its limit',
  route_ejected: 'failing for this route',
  not_home: 'not its client’s backend',
  quarantined: 'quarantined',
  ejected: 'ejected',
  failing: 'failing health checks',
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
