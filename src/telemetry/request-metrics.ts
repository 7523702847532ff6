/**
 * Counts and times of requests per pool, in plain arrays: cheap to update, and to add up over workers. Pools come and
 * go, and there may be a hundred thousand of them: each thread counts a limited number individually, and the rest as
 * one sum.
 */

/** Upper bounds in milliseconds; one more bucket holds larger values. */
export const DURATION_BOUNDS_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
] as const;

/** Pools that are counted individually: ten times as many as are shown, so that the shown ones are stable. */
export const COUNTED_POOLS = 512;

export type Histogram = {
  /** One count per bound, and one for larger values; not cumulative. */
  readonly counts: readonly number[];
  readonly sumMs: number;
};

/** Numbers of requests by H-code, or without one by class, such as `2xx`. */
export type RequestCounts = Readonly<Record<string, number>>;

export type PoolMetricsSnapshot = {
  readonly requests: RequestCounts;
  readonly service: Histogram;
  readonly wait: Histogram;
  readonly bytesIn: number;
  readonly bytesOut: number;
};

export type RequestMetricsSnapshot = {
  /** Over all pools there ever were, and requests that reached none. */
  readonly requests: RequestCounts;
  /** The busiest pools; the empty name is for requests that reached none. */
  readonly pools: Readonly<Record<string, PoolMetricsSnapshot>>;
  /** Counters and gauges of the plane, by name. */
  readonly totals: Readonly<Record<string, number>>;
  /** The totals of each worker, by its number; set when several are combined. */
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
  readonly name: string;
  readonly requests = new Map<string, number>();
  readonly service = new Durations();
  readonly wait = new Durations();
  bytesIn = 0;
  bytesOut = 0;
  /** Requests that ended, whatever their label. */
  total = 0;
  /** `total` at the last look, and a decaying sum of its growth, halved at each look. */
  #seen = 0;
  #standing = 0;

  constructor(name: string) {
    this.name = name;
  }

  count(label: string): void {
    this.total++;
    this.requests.set(label, (this.requests.get(label) ?? 0) + 1);
  }

  /** Whether it has hardly been used, neither since the last look nor before. */
  isIdle(): boolean {
    this.#standing = Math.floor((this.#standing + this.total - this.#seen) / 2);
    this.#seen = this.total;
    return this.#standing === 0;
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

/** A request's label: its H-code, else the class of its status. */
export function codeLabel(code: string, status: number): string {
  return code === '' ? (CLASSES[Math.trunc(status / 100)] ?? 'none') : code;
}

export class RequestMetrics {
  readonly #pools = new Map<string, PoolMetrics>();
  /** The same pools, in the order in which the clock hand visits them. */
  readonly #places: PoolMetrics[] = [];
  #hand = 0;
  /** Requests of pools that made room for others. */
  readonly #others = new Map<string, number>();

  /** To be called at each use: if there are many pools, a rarely used one makes room for a new one. */
  pool(name: string): PoolMetrics {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const fresh = new PoolMetrics(name);
    this.#pools.set(name, fresh);
    if (this.#places.length < COUNTED_POOLS) this.#places.push(fresh);
    else this.#takePlace(fresh);
    return fresh;
  }

  /** Like page replacement: the clock algorithm with a count instead of a bit (GCLOCK; Smith, ACM TODS 3, 1978). */
  #takePlace(fresh: PoolMetrics): void {
    while (!this.#places[this.#hand]!.isIdle()) this.#hand = (this.#hand + 1) % COUNTED_POOLS;
    const former = this.#places[this.#hand]!;
    this.#pools.delete(former.name);
    for (const [label, count] of former.requests) addTo(this.#others, label, count);
    this.#places[this.#hand] = fresh;
    this.#hand = (this.#hand + 1) % COUNTED_POOLS;
  }

  snapshot(totals: Readonly<Record<string, number>>): RequestMetricsSnapshot {
    const all = new Map(this.#others);
    const pools: Record<string, PoolMetricsSnapshot> = {};
    for (const [name, metrics] of this.#pools) {
      pools[name] = metrics.snapshot();
      for (const [label, count] of metrics.requests) addTo(all, label, count);
    }
    return { requests: Object.fromEntries(all), pools, totals };
  }
}

function addTo(counts: Map<string, number>, label: string, count: number): void {
  counts.set(label, (counts.get(label) ?? 0) + count);
}

/** All figures are counts, so those of workers can be added. */
export function mergeMetrics(snapshots: readonly RequestMetricsSnapshot[]): RequestMetricsSnapshot {
  // A Map, because a pool may be called `constructor`, which plain objects have too.
  const pools = new Map<string, PoolMetricsSnapshot>();
  let requests: RequestCounts = {};
  let totals: Readonly<Record<string, number>> = {};
  const workers: Record<string, Readonly<Record<string, number>>> = {};
  for (const snapshot of snapshots) {
    requests = addedNumbers(requests, snapshot.requests);
    totals = addedNumbers(totals, snapshot.totals);
    // During a replacement two threads have the same number.
    for (const [worker, own] of Object.entries(snapshot.workers ?? {}))
      workers[worker] = addedNumbers(workers[worker] ?? {}, own);
    for (const [name, pool] of Object.entries(snapshot.pools)) {
      const before = pools.get(name);
      pools.set(name, before === undefined ? pool : addedPools(before, pool));
    }
  }
  return { requests, pools: busiest(pools), totals, workers };
}

/** Keeps those with most requests if there are too many. */
function busiest(
  pools: ReadonlyMap<string, PoolMetricsSnapshot>,
): Readonly<Record<string, PoolMetricsSnapshot>> {
  if (pools.size <= COUNTED_POOLS) return Object.fromEntries(pools);
  const ranked = [...pools].map((entry) => ({ entry, total: requestsOf(entry[1]) }));
  ranked.sort((a, b) => b.total - a.total || (a.entry[0] < b.entry[0] ? -1 : 1));
  return Object.fromEntries(ranked.slice(0, COUNTED_POOLS).map(({ entry }) => entry));
}

/** All requests, whatever their outcome. */
export function requestsOf({ requests }: PoolMetricsSnapshot): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
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
