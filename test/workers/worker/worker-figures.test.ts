import { expect, it } from 'vitest';
import { mergeMetrics, RequestMetrics } from '../../../src/telemetry/request-metrics.ts';
import { WorkerFigures } from '../../../src/workers/worker/worker-figures.ts';

/** What a worker says that has so many requests behind it, and one under way. */
function word(requests: number) {
  const metrics = new RequestMetrics();
  for (let i = 0; i < requests; i++) metrics.pool('web').count('2xx');
  const [begun, open] = [requests + 1, 3];
  const totals = { requests: begun, checkouts: begun, checkins: requests, inFlight: 1, connections: open };
  return metrics.snapshot({ ...totals, upstreamConnections: open, upstreamIdle: open - 1 });
}

const sum = (figures: WorkerFigures) => mergeMetrics(figures.all);

it('are those of all workers, each by its last word', () => {
  const figures = new WorkerFigures();
  const [one, two] = [{ number: 1 }, { number: 2 }];
  figures.said(one, word(5));
  figures.said(two, word(7));
  figures.said(one, word(6));
  const { requests, totals, workers } = sum(figures);
  expect(requests).toEqual({ '2xx': 13 });
  expect(totals).toMatchObject({ requests: 15, inFlight: 2, connections: 6 });
  expect([workers?.[1]?.['requests'], workers?.[2]?.['requests']]).toEqual([7, 8]);
});

it('keep what one that is gone had counted, and nothing that it had open', () => {
  const figures = new WorkerFigures();
  const [former, next] = [{ number: 1 }, { number: 1 }];
  figures.said(former, word(5));
  figures.said(next, word(0));
  figures.gone(former);
  figures.gone({ number: 2 });
  const { requests, pools, totals, workers } = sum(figures);
  expect(requests).toEqual({ '2xx': 5 });
  expect(pools['web']?.requests).toEqual({ '2xx': 5 });
  // A lease that a dead worker held is given back for it.
  expect(totals).toMatchObject({ requests: 7, checkouts: 7, checkins: 6, inFlight: 1, connections: 3 });
  expect(totals).toMatchObject({ upstreamConnections: 3, upstreamIdle: 2 });
  expect(workers?.[1]?.['requests']).toBe(7);
});
