/** What people read of a request's story. */
import { expect, it } from 'vitest';
import { renderStory, type Story } from '../../../src/cli/render/render-story.ts';

function attempt(backend: string, end: string | null): Story['steps'][number] {
  return { type: 'leased', at: null, ticket: 1, backend, why: 'its turn', end, sight: null };
}

function storyOf(...steps: Story['steps']): Story {
  return {
    id: 'id',
    requestId: 'id',
    request: { method: 'GET', host: 'a.example', path: '/', startedAt: 'now', worker: 1 },
    position: 1,
    domain: 'a.example',
    domains: [],
    route: null,
    pool: 'web',
    affinity: null,
    steps,
    timings: { queuedMs: null, connectMs: 1, firstByteMs: 2, totalMs: 3 },
    outcome: {
      type: 'responded',
      code: '',
      description: '',
      phase: 'respond',
      blame: 'nobody',
      status: 200,
      advice: '',
    },
    changes: { last: null, domain: null, pool: null, backend: null },
    notes: [],
  };
}

it('says why another backend was leased after a response', () => {
  const lines = renderStory(storyOf(attempt('web.1', 'responded'), attempt('web.2', null)));
  expect(lines.filter((line) => line.includes('ended'))).toEqual([
    '   ended: responded, with a status that is retried (retries.statuses)',
  ]);
});

it('names any other end of an attempt as it is', () => {
  const lines = renderStory(storyOf(attempt('web.1', 'connect_refused'), attempt('web.2', null)));
  expect(lines.filter((line) => line.includes('ended'))).toEqual(['   ended: connect_refused']);
});
