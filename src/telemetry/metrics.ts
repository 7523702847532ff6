/** Everything `/metrics` shows, gathered when somebody asks. Labels are pool, code, kind and the like: never a domain. */
import { actorFamilies, type CountedActor } from './actor-metrics.ts';
import { type LedgerSample, ledgerFamilies } from './ledger-metrics.ts';
import { type DelayHistogram, processFamilies } from './process-metrics.ts';
import type { Family } from './prometheus.ts';
import { requestFamilies } from './request-families.ts';
import type { RequestMetricsSnapshot } from './request-metrics.ts';

export type MetricSources = {
  readonly version: string;
  /** Of the process, in epoch milliseconds. */
  readonly startedAtMs: number;
  /** Of the main thread, from `monitorEventLoopDelay`, enabled. It is emptied at every look. */
  readonly eventLoopDelay: DelayHistogram;
  /** The log's last position; rejects where the log cannot say. */
  readonly position: () => Promise<number>;
  readonly actors: () => Iterable<CountedActor>;
  /** Added up over the workers that answered in time. */
  readonly requests: () => Promise<RequestMetricsSnapshot>;
  readonly ledgers: () => Iterable<LedgerSample>;
};

export async function gatherMetrics(sources: MetricSources): Promise<readonly Family[]> {
  const [position, requests] = await Promise.all([positionFamily(sources), sources.requests()]);
  return [
    ...processFamilies(sources),
    ...position,
    ...actorFamilies(sources.actors()),
    ...requestFamilies(requests),
    ...ledgerFamilies(sources.ledgers()),
  ];
}

/** A log that cannot be read must not take the other metrics away in the very hour they are looked at. */
async function positionFamily({ position }: MetricSources): Promise<Family[]> {
  const known = await position().then(
    (value) => [{ value }],
    () => [],
  );
  const help = 'Last position of the event log; absent while the log cannot be read.';
  return [
    { name: 'switchyard_log_position', type: 'gauge', help, samples: known },
    {
      name: 'switchyard_log_readable',
      type: 'gauge',
      help: '1 while the event log can be read.',
      samples: [{ value: known.length }],
    },
  ];
}
