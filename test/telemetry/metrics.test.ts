import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HealthCounts } from '../../actors/index.ts';
import { Census } from '../../actors/supervision/census.ts';
import { actorFamilies } from '../../src/telemetry/actor-metrics.ts';
import { healthFamilies } from '../../src/telemetry/health-metrics.ts';
import { capacityFamilies, ledgerFamilies } from '../../src/telemetry/ledger-metrics.ts';
import { gatherMetrics, type MetricSources } from '../../src/telemetry/metrics.ts';
import { PlaneCounters } from '../../src/telemetry/plane-counters.ts';
import { DELAY_TICK_MS } from '../../src/telemetry/process-metrics.ts';
import { type Family, render } from '../../src/telemetry/prometheus.ts';
import { requestFamilies } from '../../src/telemetry/request-families.ts';
import {
  COUNTED_POOLS,
  codeLabel,
  mergeMetrics,
  RequestMetrics,
} from '../../src/telemetry/request-metrics.ts';

/** As lines, comments left out. */
function lines(families: readonly Family[]): string[] {
  return render(families)
    .text.split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function counted(pools: Readonly<Record<string, number>>): RequestMetrics {
  const metrics = new RequestMetrics();
  for (const [pool, count] of Object.entries(pools)) metrics.pool(pool).requests.set('2xx', count);
  return metrics;
}

const whole = (metrics: RequestMetrics) => metrics.snapshot({});

describe('requests', () => {
  it('are shown by pool and code, with times in seconds', () => {
    const metrics = new RequestMetrics();
    const web = metrics.pool('web');
    web.requests.set('2xx', 2).set('H11', 1);
    web.service.add(3);
    web.service.add(60_000);
    web.bytesOut = 7;
    metrics.pool('').requests.set('4xx', 5);
    const shown = lines(requestFamilies(metrics.snapshot({ connections: 4, resends: 9 })));
    for (const line of [
      'switchyard_requests_total{code="2xx"} 2',
      'switchyard_requests_total{code="4xx"} 5',
      'switchyard_pool_requests_total{pool="web",code="H11"} 1',
      'switchyard_pool_service_seconds_bucket{pool="web",le="0.0025"} 0',
      'switchyard_pool_service_seconds_bucket{pool="web",le="0.005"} 1',
      'switchyard_pool_service_seconds_bucket{pool="web",le="+Inf"} 2',
      'switchyard_pool_service_seconds_sum{pool="web"} 60.003',
      'switchyard_pool_sent_bytes_total{pool="web"} 7',
      'switchyard_client_connections 4',
      'switchyard_resends_total 9',
    ]) {
      expect(shown).toContain(line);
    }
    expect(shown.some((line) => line.includes('pool=""'))).toBe(false);
  });

  it('have series of their own for the fifty busiest pools, and are all in the sum', () => {
    const pools = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, n + 1]));
    const shown = lines(requestFamilies(counted(pools).snapshot({})));
    const own = shown.filter((line) => line.startsWith('switchyard_pool_requests_total'));
    expect(own).toHaveLength(50);
    expect(own[0]).toBe('switchyard_pool_requests_total{pool="p59",code="2xx"} 60');
    expect(own.at(-1)).toBe('switchyard_pool_requests_total{pool="p10",code="2xx"} 11');
    expect(shown).toContain('switchyard_requests_total{code="2xx"} 1830');
  });
});

describe('pools that come and go', () => {
  const MANY = 20_000;

  function passed(metrics: RequestMetrics): RequestMetrics {
    for (let at = 0; at < MANY; at++) {
      metrics.pool(`passing-${at}`).count(at % 2 === 0 ? '2xx' : 'H13');
      // One request of eleven is of one pool.
      if (at % 10 === 0) metrics.pool('busy').count('2xx');
    }
    return metrics;
  }

  it('are forgotten one by one, and counted in the sum', () => {
    const { pools, requests } = passed(new RequestMetrics()).snapshot({});
    expect(Object.keys(pools)).toHaveLength(COUNTED_POOLS);
    expect(requests).toEqual({ '2xx': MANY / 2 + MANY / 10, H13: MANY / 2 });
  });

  it('make no room for themselves at the cost of one that is asked again and again', () => {
    const metrics = new RequestMetrics();
    metrics.pool('busy').count('2xx');
    expect(passed(metrics).snapshot({}).pools['busy']?.requests).toEqual({ '2xx': MANY / 10 + 1 });
  });

  it('make room where one that was busy once is asked no more', () => {
    const metrics = new RequestMetrics();
    for (let at = 0; at < 1000; at++) metrics.pool('former').count('2xx');
    const { pools, requests } = passed(metrics).snapshot({});
    expect(pools).not.toHaveProperty('former');
    expect(requests['2xx']).toBe(1000 + MANY / 2 + MANY / 10);
  });

  it('are as few of several workers together, the busiest of all', () => {
    const [one, two] = [new RequestMetrics(), new RequestMetrics()];
    for (let at = 0; at < COUNTED_POOLS; at++) {
      one.pool(`one-${at}`).count('2xx');
      two.pool(`two-${at}`).count('2xx');
    }
    for (const each of [one, two]) each.pool('one-511').count('H12');
    const merged = mergeMetrics([one.snapshot({}), two.snapshot({})]);
    expect(Object.keys(merged.pools)).toHaveLength(COUNTED_POOLS);
    expect(merged.pools['one-511']?.requests).toEqual({ '2xx': 1, H12: 2 });
    expect(merged.requests).toEqual({ '2xx': 2 * COUNTED_POOLS, H12: 2 });
  });

  it('are added up over the workers, a duration in the bucket that it is at most', () => {
    const workers = [1, 2].map((requests) => {
      const metrics = new RequestMetrics();
      const web = metrics.pool('web');
      for (let at = 0; at < requests; at++) {
        web.count(codeLabel('', 204));
        web.service.add(5);
        web.service.add(5.1);
        web.wait.add(40_000);
        web.bytesIn += 10;
        web.bytesOut += 100;
      }
      return metrics.snapshot({});
    });
    const shown = lines(requestFamilies(mergeMetrics(workers)));
    for (const line of [
      'switchyard_pool_requests_total{pool="web",code="2xx"} 3',
      'switchyard_pool_service_seconds_bucket{pool="web",le="0.0025"} 0',
      'switchyard_pool_service_seconds_bucket{pool="web",le="0.005"} 3',
      'switchyard_pool_service_seconds_bucket{pool="web",le="0.01"} 6',
      'switchyard_pool_service_seconds_count{pool="web"} 6',
      'switchyard_pool_wait_seconds_bucket{pool="web",le="30.0"} 0',
      'switchyard_pool_wait_seconds_sum{pool="web"} 120',
      'switchyard_pool_received_bytes_total{pool="web"} 30',
      'switchyard_pool_sent_bytes_total{pool="web"} 300',
    ])
      expect(shown).toContain(line);
    expect([codeLabel('H12', 503), codeLabel('', 404), codeLabel('', 0)]).toEqual(['H12', '4xx', 'none']);
  });

  it('may have the name of what every object has', () => {
    const { pools } = mergeMetrics([counted({ constructor: 1 }), counted({ constructor: 2 })].map(whole));
    expect(pools['constructor']?.requests).toEqual({ '2xx': 3 });
  });
});

describe('workers', () => {
  it('are told apart by the counts of their planes, and added up in all others', () => {
    const one = { requests: {}, pools: {}, totals: { requests: 3, connections: 1 } };
    const two = { requests: {}, pools: {}, totals: { requests: 4, connections: 5 } };
    const merged = mergeMetrics([
      { requests: {}, pools: {}, totals: { requests: 100 } },
      { ...one, workers: { 1: one.totals } },
      { ...two, workers: { 2: two.totals } },
      { ...two, workers: { 2: two.totals } },
    ]);
    const shown = lines(requestFamilies(merged));
    expect(shown).toContain('switchyard_worker_requests_begun_total{worker="1"} 3');
    expect(shown).toContain('switchyard_worker_client_connections{worker="2"} 10');
    expect(shown).toContain('switchyard_requests_begun_total 111');
  });
});

describe('ledgers', () => {
  it('are shown for the fifty busiest pools, waiting before working', () => {
    const backends = (inFlight: number) => [
      { inFlight, state: 'up' },
      { inFlight: 0, state: 'quarantined' },
    ];
    const pools = Array.from({ length: 60 }, (_, n) => ({
      pool: `p${n}`,
      waiting: 0,
      backends: backends(n),
    }));
    const shown = lines(ledgerFamilies([...pools, { pool: 'slow', waiting: 1, backends: [] }]));
    expect(shown[0]).toBe('switchyard_pool_in_flight{pool="slow"} 0');
    expect(shown.filter((line) => line.startsWith('switchyard_pool_in_flight'))).toHaveLength(50);
    expect(shown).toContain('switchyard_pool_backends{pool="p59",state="quarantined"} 1');
    expect(shown).toContain('switchyard_in_flight 1770');
    expect(shown).toContain('switchyard_waiting 1');
    expect(shown).toContain('switchyard_ledgers 61');
  });
});

describe('what happened to pools', () => {
  const counts = (quarantined: number): HealthCounts => ({
    ...{ ejected: 0, withheld: 0, returned: 0, failing: 0, passing: 0 },
    quarantined,
  });

  it('is shown for those to which most happened, and as zero for others if there is room', () => {
    const happened = new Map([
      ['a', counts(1)],
      ['b', counts(2)],
    ]);
    const shown = lines(healthFamilies(happened, { passed: 0, failed: 0 }, ['b', 'c']));
    expect(shown.filter((line) => line.startsWith('switchyard_backend_quarantines'))).toEqual([
      'switchyard_backend_quarantines_total{pool="b"} 2',
      'switchyard_backend_quarantines_total{pool="a"} 1',
      'switchyard_backend_quarantines_total{pool="c"} 0',
    ]);
    const many = Array.from({ length: 60 }, (_, n) => `p${n}`);
    expect(lines(capacityFamilies(new Map([['p55', 3]]), many))).toHaveLength(50);
    expect(lines(capacityFamilies(new Map([['p55', 3]]), many))[0]).toContain('{pool="p55"} 3');
  });

  it('can be seen of a pool of which no backend is up', () => {
    const shown = lines(
      ledgerFamilies([{ pool: 'p', waiting: 0, backends: [{ inFlight: 0, state: 'ejected' }] }]),
    );
    expect(shown).toContain('switchyard_pool_backends{pool="p",state="up"} 0');
  });
});

describe('actors', () => {
  it('are counted by kind and state, never one by one', () => {
    const census = new Census();
    for (let at = 0; at < 1000; at++) census.count('domain', 'running', 1);
    census.count('worker', 'restarting', 2);
    expect(lines(actorFamilies(census))).toEqual([
      'switchyard_actors{kind="domain",state="running"} 1000',
      'switchyard_actors{kind="worker",state="restarting"} 1',
      'switchyard_actor_restarts{kind="domain"} 1000',
      'switchyard_actor_restarts{kind="worker"} 2',
    ]);
  });
});

describe('gathered', () => {
  const delay = monitorEventLoopDelay({ resolution: DELAY_TICK_MS });
  const sources: MetricSources = {
    version: '1.2.3',
    startedAtMs: 1_700_000_000_500,
    eventLoopDelay: delay,
    position: async () => 42,
    isWritable: () => true,
    actors: () => new Census(),
    requests: async () => counted({ web: 1 }).snapshot({}),
    ledgers: () => [],
  };

  it('say what runs, since when, and how far the log is', async () => {
    const shown = lines(await gatherMetrics(sources));
    expect(shown).toContain(`switchyard_build_info{version="1.2.3",node="${process.version}"} 1`);
    expect(shown).toContain('switchyard_start_time_seconds 1700000000.5');
    expect(shown).toContain('switchyard_log_position 42');
    expect(shown).toContain('switchyard_log_readable 1');
    expect(shown).toContain('switchyard_main_event_loop_delay_seconds{quantile="0.99"} 0');
  });

  it('have no quantile but in a summary, as promtool wants it', async () => {
    const { text } = render(await gatherMetrics(sources));
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    const quantiles = [...text.matchAll(/^(\w+)\{[^}]*quantile=/gm)].map(([, name]) => types.get(name));
    expect(new Set(quantiles)).toEqual(new Set(['summary']));
  });

  it('tell of the process under the names that all clients use', async () => {
    const shown = lines(await gatherMetrics(sources)).map((line) => line.split(' ')[0]);
    expect(shown).toEqual(
      expect.arrayContaining([
        'process_cpu_seconds_total',
        'process_resident_memory_bytes',
        'process_start_time_seconds',
      ]),
    );
  });

  it('leave out the position, and nothing else, when the log cannot be read', async () => {
    const shown = lines(
      await gatherMetrics({ ...sources, position: () => Promise.reject(new Error('gone')) }),
    );
    expect(shown.some((line) => line.startsWith('switchyard_log_position'))).toBe(false);
    expect(shown).toContain('switchyard_log_readable 0');
    expect(shown).toContain('switchyard_requests_total{code="2xx"} 1');
  });

  it('show the delay of the event loop since the last look, and nothing of the timer that finds it out', async () => {
    const looked = async (quantile: string) => {
      const name = `switchyard_main_event_loop_delay_seconds{quantile="${quantile}"} `;
      const shown = lines(await gatherMetrics(sources)).find((line) => line.startsWith(name));
      return Number(shown?.slice(name.length));
    };
    delay.enable();
    // On a machine with much else to do a look may be late; one that counted its timer would never be below it.
    const medians: number[] = [];
    do {
      await sleep(12 * DELAY_TICK_MS);
      medians.push(await looked('0.5'));
    } while (Math.min(...medians) >= DELAY_TICK_MS / 2000 && medians.length < 20);
    expect(Math.min(...medians)).toBeLessThan(DELAY_TICK_MS / 2000);
    await sleep(2 * DELAY_TICK_MS);
    const end = performance.now() + 400;
    while (performance.now() < end);
    await sleep(2 * DELAY_TICK_MS);
    // A tick was due within it, at the latest when it had lasted so long.
    expect(await looked('1')).toBeGreaterThan(0.4 - DELAY_TICK_MS / 1000 - 0.01);
    // Unless a tick came late just in between.
    await expect.poll(() => looked('1'), { interval: 0 }).toBe(0);
    delay.disable();
  });

  it('name each family once, by the rules', async () => {
    const totals = { ...new PlaneCounters(), upstreamConnections: 0, upstreamIdle: 0 };
    const requests = async () => counted({ web: 1 }).snapshot(totals);
    const families = await gatherMetrics({ ...sources, requests });
    const names = families.map((family) => family.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^(?:switchyard|process)_[a-z_]+$/);
  });
});
