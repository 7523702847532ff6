/** Whether requests went to a second backend as far as the budget of their pool goes, and no farther (docs/health.md). */
import type { Asked, Attempt } from './book.ts';
import { outcomeOf } from './judge.ts';
import { BACKENDS_EACH, DRAIN_MS, NEEDY_PERCENT } from './tenants.ts';

const WINDOW_MS = 10_000;
// In any window of a worker so many go, whatever their share.
const FLOOR = 3;
// From the moment that we have a request to the moment that whoever sent it knows what became of it.
const NOTICED_MS = 2000;

export type Lives = {
  /** Of workers: with those that took the place of others. */
  readonly count: number;
  readonly workers: number;
  readonly lastedMs: number;
};

/** In words, if there is one. */
export function budgetFault(all: readonly Asked[], lives: Lives): string | undefined {
  const asked = all.filter(({ request }) => request.tenant === 'needy');
  const retried = asked.flatMap(({ attempts }) =>
    attempts.filter((_, index) => isElsewhere(attempts, index + 1)),
  );
  // The last windows of those that go on with what they have overlap the first of those in their place.
  const windows = lives.count + (lives.workers * lives.lastedMs + lives.count * DRAIN_MS) / WINDOW_MS;
  const most = (asked.length * NEEDY_PERCENT) / 100 + FLOOR * Math.ceil(windows);
  if (retried.length > most)
    return `expected at most ${Math.floor(most)} of ${asked.length} requests to go to another backend, found ${retried.length}`;
  const spent = asked.flatMap(spentOn);
  return asked.map((one) => deniedWrongly(one, spent)).find((fault) => fault !== undefined);
}

function isElsewhere(attempts: readonly Attempt[], index: number): boolean {
  const next = attempts[index];
  return next !== undefined && next.backend !== attempts[index - 1]?.backend;
}

/** Attempts behind which the budget may have been taken from, though nobody else saw the request: all were tried, or it was given up. */
function spentOn(asked: Asked): readonly Attempt[] {
  const { attempts, request } = asked;
  if (request.method === 'POST') return [];
  const failed = attempts.filter(({ answer }) => answer.fault === 'close-before');
  return isDenied(asked) ? failed.slice(0, -1) : failed;
}

function isDenied({ attempts, request, got }: Asked): boolean {
  if (got === undefined || request.method === 'POST' || request.framing !== 'none') return false;
  if (new Set(attempts.map(({ backend }) => backend)).size === BACKENDS_EACH) return false;
  return outcomeOf(Buffer.concat(got.body).toString('latin1')) === 'closed_without_response';
}

/** The budget was spent, and so it must be seen to have been. */
function deniedWrongly(asked: Asked, spent: readonly Attempt[]): string | undefined {
  if (!isDenied(asked)) return undefined;
  const since = asked.sentAtMs - WINDOW_MS - NOTICED_MS;
  const before = spent.filter(({ atMs }) => atMs >= since && atMs <= asked.overAtMs);
  if (before.length >= FLOOR) return undefined;
  return `${asked.request.id}: expected another backend to be asked, since ${before.length} of the budget were spent, found ${asked.attempts.length}`;
}
