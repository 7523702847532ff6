/** Courses of which a what-if with nothing otherwise once was not the record, and why. */
import type { LeaseEnd, PolicyName } from '../actors/index.ts';

const common = { workers: 1, policy: 'least-request', outlier: false } as const;

export const FOUND = [
  /**
   * Two that are alike hold the same backend, one goes elsewhere in vain, and it is the other, still being served, that the
   * record takes it for: its time ends with its lease, not with what was in vain.
   */
  {
    ...common,
    seed: 1034474472,
    maxWaiting: 2,
    steps: stepsOf(`
      0 probed b.1 up, 0 ask, 0 ask, 0 put b.1 1 1, 0 elsewhere, 0 quarantine b.1 19, 0 ask, 0 remove b.3,
      0 finish finished, 0 leave, 0 ask, 0 finish finished, 0 ask, 0 elsewhere, 0 elsewhere, 0 expire,
      1 finish finished, 0 probed b.1 up, 0 leave, 0 ask`),
  },
  /** One waits, then leaves when all there is has been tried: the word of its backend stands, it has not given up. */
  {
    ...common,
    seed: 2012217289,
    maxWaiting: 1,
    steps: stepsOf(`
      0 ask, 0 ask, 0 ask, 0 ask, 0 finish finished, 0 ask, 0 finish client_gone, 0 finish listed_status,
      23 ask, 20 remove b.3, 14 probed b.2 down, 29 finish finished, 15 ask, 8 ask, 24 ask,
      22 finish finished, 4 probed b.1 down, 7 set consistent-hash, 5 ask, 23 quarantine b.3 165, 1 leave,
      6 finish timed_out, 17 finish listed_status, 24 probed b.1 up, 27 finish connect_failed, 21 ask, 0 ask,
      14 probed b.2 up, 13 ask, 0 ask, 13 finish server_error, 15 finish server_error, 8 ask, 14 leave,
      8 finish backend_failed, 1 ask, 30 remove b.3, 11 elsewhere, 22 ask, 8 ask, 3 elsewhere`),
  },
  /** A probe in the moment of a change is not part of the change. */
  {
    ...common,
    seed: 1,
    maxWaiting: 0,
    steps: stepsOf(`
      0 probed b.1 down, 0 finish finished, 0 ask, 0 ask, 0 ask, 0 expire, 0 ask, 0 finish finished,
      0 remove b.1, 0 die, 0 ask, 0 set least-request, 0 leave, 0 ask, 0 remove b.1, 0 ask, 0 die,
      0 finish finished, 0 finish finished, 0 expire, 0 set least-request`),
  },
];

/** A thread dies before an expiry that it planned: whoever looks then is not it, since its mail is another's. */
export const LOST_LOOK = {
  ...common,
  seed: 1,
  maxWaiting: 1,
  steps: stepsOf(`
    0 quarantine b.1 1, 0 ask, 0 ask, 0 ask, 0 ask, 0 ask, 0 leave, 0 die, 0 finish finished, 0 ask, 0 ask, 0 ask,
    0 finish finished, 0 ask, 0 ask, 0 ask, 0 finish finished, 0 ask, 0 ask, 0 ask, 0 quarantine b.1 1,
    0 finish backend_failed, 0 leave, 0 elsewhere, 0 finish client_gone, 0 ask, 8 finish finished, 0 finish finished`),
};

/** `MS WHAT …, MS WHAT …`. */
function stepsOf(text: string) {
  return text.split(',').map((step) => {
    const [ms, type, ...more] = step.trim().split(/\s+/) as [string, string, ...string[]];
    return { ms: Number(ms), doing: doingOf(type, more) };
  });
}

function doingOf(type: string, [what = '', more = '', most = '']: readonly string[]) {
  switch (type) {
    case 'finish':
      return { type, end: what as LeaseEnd };
    case 'quarantine':
      return { type, id: what, ms: Number(more) };
    case 'probed':
      return { type, id: what, failing: more === 'down' };
    case 'put':
      return { type, id: what, backend: { weight: Number(more), maxConcurrency: Number(most) } };
    case 'remove':
      return { type, id: what };
    case 'set':
      return { type, policy: what as PolicyName };
    default:
      return { type };
  }
}
