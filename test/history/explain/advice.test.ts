/** What an operator is told to do next, where the outcome alone does not say it. */
import { expect, it } from 'vitest';
import { adviceOn } from '../../../src/history/explain/advice.ts';

const ended = { type: 'responded', status: 200, waitedMs: undefined, totalMs: 20 } as const;

it.each([
  ['a response', {}, 'Nothing to do'],
  ['a response after a short wait', { waitedMs: 4 }, 'Nothing to do'],
  ['a response that was mostly waited for', { waitedMs: 20_020, totalMs: 20_226 }, 'waited for a free slot'],
  ['a status that is the backend’s own', { status: 503, waitedMs: 15 }, 'The backend itself answered 503'],
  ['an error page of the router', { type: 'queue_full', status: 503 }, 'The queue was full'],
] as const)('of %s', (_title, given, says) => {
  expect(adviceOn({ ...ended, ...given })).toContain(says);
});
