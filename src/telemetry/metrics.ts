/**
 * Everything that `/metrics` shows, gathered on request. Labels are pool, code, kind and the like: never a domain.
 */
import type { Census } from '../../actors/index.ts';
import { actorFamilies } from './actor-metrics.ts';
import { type LedgerSample, ledgerFamilies } from './ledger-metrics.ts';
import { type DelayHistogram, processFamilies } from './process-metrics.ts';
import type { Family } from './prometheus.ts';
import { requestFamilies } from './request-families.ts';
import type { RequestMetricsSnapshot } from './request-metrics.ts';

export type MetricSources = {
  readonly version: string;
  /** When the process started, in epoch milliseconds. */
  readonly startedAtMs: number;
  /** The main thread's, from `monitorEventLoopDelay`, enabled. Reset at each scrape. */
  readonly eventLoopDelay: DelayHistogram;
  /** The log's last position; rejects if the log cannot be read. */
  readonly position: () => Promise<number>;
  /** False after a failed append, or a failed try to read or open the log, until one succeeds. */
  readonly isWritable: () => boolean;
  readonly actors: () => Census;
  /** The sum over all workers; one that does not answer in time counts as last reported. */
  readonly requests: () => Promise<RequestMetricsSnapshot>;
  readonly ledgers: () => Iterable<LedgerSample>;
};

export async function gatherMetrics(sources: MetricSources): Promise<readonly Family[]> {
  const [log, requests] = await Promise.all([logFamilies(sources), sources.requests()]);
  return [
    ...processFamilies(sources),
    ...log,
    ...actorFamilies(sources.actors()),
    ...requestFamilies(requests),
    ...ledgerFamilies(sources.ledgers()),
  ];
}

/** If the log cannot be read, the other metrics must still be shown, since that is when they are looked at. */
async function logFamilies({ position, isWritable }: MetricSources): Promise<Family[]> {
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
    {
      name: 'switchyard_log_writable',
      type: 'gauge',
      help: '0 from a failed append, read or open of the event log until one succeeds.',
      samples: [{ value: isWritable() ? 1 : 0 }],
    },
  ];
}
