/**
 * What the workers have counted, each as last reported. A worker that does not answer in time counts as it did then,
 * and the counts of one that is gone are kept: a sum that falls looks to a scraper like a restart, and the rest of it
 * like new requests.
 */
import { leftBy } from '../../telemetry/plane-counters.ts';
import { mergeMetrics, type RequestMetricsSnapshot } from '../../telemetry/request-metrics.ts';

/** One life of a worker; its successor has the same number. */
export type Counting = { readonly number: number };

export class WorkerFigures {
  readonly #last = new Map<Counting, RequestMetricsSnapshot>();
  #left: RequestMetricsSnapshot = mergeMetrics([]);

  said(worker: Counting, snapshot: RequestMetricsSnapshot): void {
    this.#last.set(worker, { ...snapshot, workers: { [worker.number]: snapshot.totals } });
  }

  /** Whatever it counted since its last report is lost. */
  gone(worker: Counting): void {
    const last = this.#last.get(worker);
    if (last === undefined) return;
    this.#last.delete(worker);
    const totals = leftBy(last.totals);
    this.#left = mergeMetrics([this.#left, { ...last, totals, workers: { [worker.number]: totals } }]);
  }

  get all(): readonly RequestMetricsSnapshot[] {
    return [this.#left, ...this.#last.values()];
  }
}
