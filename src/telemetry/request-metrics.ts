/** What requests were and took, counted per pool in plain arrays: cheap to add to, and to add up over workers. */

/** Upper bounds in milliseconds; one more bucket holds the rest. */
export const DURATION_BOUNDS_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
] as const;

export type Histogram = {
  /** One count for each bound and one for the rest; not cumulative. */
  readonly counts: readonly number[];
  readonly sumMs: number;
};

export type PoolMetricsSnapshot = {
  /** By H-code, or by class such as `2xx` where there is none. */
  readonly requests: Readonly<Record<string, number>>;
  readonly service: Histogram;
  readonly wait: Histogram;
  readonly bytesIn: number;
  readonly bytesOut: number;
};

export type RequestMetricsSnapshot = {
  /** By pool; the empty name is for requests that reached none. */
  readonly pools: Readonly<Record<string, PoolMetricsSnapshot>>;
  /** Counters and gauges of the plane, by name. */
  readonly totals: Readonly<Record<string, number>>;
  /** The totals of each worker that is there, by its number; known to whoever asks several. */
  readonly workers?: Readonly<Record<string, Readonly<Record<string, number>>>>;
};

class Durations {
  readonly counts = new Array<number>(DURATION_BOUNDS_MS.length + 1).fill(0);
  sumMs = 0;

  add(durationMs: number): void {
    let bucket = 0;
    while (bucket < DURATION_BOUNDS_MS.length && durationMs > (DURATION_BOUNDS_MS[bucket] as number))
      bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sumMs += durationMs;
  }

  snapshot(): Histogram {
    return { counts: [...this.counts], sumMs: this.sumMs };
  }
}

class PoolMetrics {
  readonly requests = new Map<string, number>();
  readonly service = new Durations();
  readonly wait = new Durations();
  bytesIn = 0;
  bytesOut = 0;
  /** Requests that ended, whatever their label. */
  total = 0;

  count(label: string): void {
    this.total++;
    this.requests.set(label, (this.requests.get(label) ?? 0) + 1);
  }

  snapshot(): PoolMetricsSnapshot {
    return {
      requests: Object.fromEntries(this.requests),
      service: this.service.snapshot(),
      wait: this.wait.snapshot(),
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
    };
  }
}

const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', '7xx', '8xx', '9xx'] as const;

/** The label for a request: its H-code, else the class of its status. */
export function codeLabel(code: string, status: number): string {
  return code === '' ? (CLASSES[Math.trunc(status / 100)] ?? 'none') : code;
}

export class RequestMetrics {
  readonly #pools = new Map<string, PoolMetrics>();

  pool(name: string): PoolMetrics {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const fresh = new PoolMetrics();
    this.#pools.set(name, fresh);
    return fresh;
  }

  snapshot(totals: Readonly<Record<string, number>>): RequestMetricsSnapshot {
    const pools: Record<string, PoolMetricsSnapshot> = {};
    for (const [name, metrics] of this.#pools) pools[name] = metrics.snapshot();
    return { pools, totals };
  }
}

/** Everything is a number of things that happened or are: workers add up. */
export function mergeMetrics(snapshots: readonly RequestMetricsSnapshot[]): RequestMetricsSnapshot {
  const pools: Record<string, PoolMetricsSnapshot> = {};
  let totals: Readonly<Record<string, number>> = {};
  const workers: Record<string, Readonly<Record<string, number>>> = {};
  for (const snapshot of snapshots) {
    totals = addedNumbers(totals, snapshot.totals);
    // Two threads have one number while one takes the other's place.
    for (const [worker, own] of Object.entries(snapshot.workers ?? {}))
      workers[worker] = addedNumbers(workers[worker] ?? {}, own);
    for (const [name, pool] of Object.entries(snapshot.pools)) {
      const before = pools[name];
      pools[name] = before === undefined ? pool : addedPools(before, pool);
    }
  }
  return { pools, totals, workers };
}

function addedPools(a: PoolMetricsSnapshot, b: PoolMetricsSnapshot): PoolMetricsSnapshot {
  return {
    requests: addedNumbers(a.requests, b.requests),
    service: addedHistograms(a.service, b.service),
    wait: addedHistograms(a.wait, b.wait),
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
  };
}

function addedHistograms(a: Histogram, b: Histogram): Histogram {
  return {
    counts: a.counts.map((count, bucket) => count + (b.counts[bucket] ?? 0)),
    sumMs: a.sumMs + b.sumMs,
  };
}

function addedNumbers(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
