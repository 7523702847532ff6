/** The report on routing quality: what the simulator finds, beside what others published. */
import type { SparsePool } from '../../eventlog/index.ts';
import { type Line, lineChart } from './chart.ts';
import { FAULTY_FLEETS, type FaultyFleet } from './faulty-fleets.ts';
import { rapGenius } from './rap-genius.ts';
import { centralFifoWaitMs, exponential, randomWaitMs, twoChoicesLimit } from './reference.ts';
import type { Scenario } from './scenario.ts';
import { type Outcome, simulate } from './simulation.ts';
import { oneSlowBackend } from './slow-backend.ts';

type Policy = Pick<Scenario, 'policy' | 'limit'>;
type Row = readonly (string | number)[];

const SEED = 1;
// An hour of Rap Genius's traffic.
const HOUR = 540_000;
const EXACT: Policy = { policy: 'least-request', limit: 1 };
const BACKENDS = [44, 48, 52, 56, 60, 64, 68, 72, 76];

/** The files by name. `share`: of the requests of a full run. */
export async function report(
  share: number,
  progress: (done: string) => void,
): Promise<ReadonlyMap<string, string>> {
  let cpuNs = 0;
  let runs = 0;
  const run = async (scenario: Scenario): Promise<Outcome> => {
    const outcome = await simulate(scenario);
    cpuNs += outcome.cpuNs * scenario.requests;
    runs += scenario.requests;
    return outcome;
  };
  const hour = Math.round(HOUR * share);
  const genius = (backends: number, how: Policy & Partial<Scenario>) =>
    run(rapGenius(backends, hour, { seed: SEED, ...how }));

  const disciplines = await rapGeniusTable(genius);
  progress('Rap Genius');
  const { table: fleets, chart: backendsChart } = await backendsNeeded(genius);
  progress('backends needed');
  const exponentials = await exponentialTable((load, requests, how) =>
    run(exponential(load, Math.round(requests * share), { seed: SEED, ...how })),
  );
  progress('exponential');
  const { table: slow, chart: slowChart } = await slowBackendTable(run);
  progress('one slow backend');
  const faulty = await faultyTable(run);
  const courses = await courseTable(run);
  progress(`faulty fleets; ${Math.round(cpuNs / runs)} ns of processor a request`);
  const page = PAGE.replace('{disciplines}', disciplines)
    .replace('{fleets}', fleets)
    .replace('{exponentials}', exponentials)
    .replace('{limit}', twoChoicesLimit(0.9).toFixed(3))
    .replace('{slow}', slow)
    .replace('{faulty}', faulty)
    .replace('{courses}', courses);
  return new Map([
    ['routing-quality.md', page],
    ['routing-quality-backends.svg', backendsChart],
    ['routing-quality-slow-backend.svg', slowChart],
  ]);
}

type Genius = (backends: number, how: Policy & Partial<Scenario>) => Promise<Outcome>;

async function rapGeniusTable(genius: Genius): Promise<string> {
  const cases: readonly (readonly [string, string, Policy & Partial<Scenario>])[] = [
    ['**least-request, `maxConcurrency: 1`, queue at the pool**', '**0.0** · 0 · 0 · 0.00 %', EXACT],
    ['… with four workers that share the ledger', 'the same', { ...EXACT, workers: 4, handOverMs: 0.05 }],
    ['least-request without a limit (queues at backends)', '–', { policy: 'least-request', limit: 0 }],
    ['p2c without a limit', '244 · 1 431 · 3 937 · 28 %', { policy: 'p2c', limit: 0 }],
    [
      'least-request, ten routers that share nothing',
      '524 · 2 774 · 6 083 · 45 %',
      {
        policy: 'least-request',
        limit: 0,
        routers: 10,
      },
    ],
    ['round-robin without a limit', '820 · ≈ 4 600 · ≈ 9 700 · 39 %', { policy: 'round-robin', limit: 0 }],
    ['random without a limit', '1 078 · 5 372 · 10 775 · 53 %', { policy: 'random', limit: 0 }],
  ];
  const rows: Row[] = [];
  for (const [name, published, how] of cases) {
    const { waits, waited, requests, waitedInVain } = await genius(75, how);
    const found = [ms(waits.mean), ms(waits.p95), ms(waits.p99), percent(waited / requests)].join(' · ');
    rows.push([name, published, found, how.limit === 0 ? '–' : waitedInVain]);
  }
  return table(['75 backends: mean, p95, p99 wait in ms, waited', 'published', 'simulated', 'in vain'], rows);
}

async function backendsNeeded(genius: Genius): Promise<{ table: string; chart: string }> {
  const policies: readonly (readonly [string, Policy])[] = [
    ['exact checkout', EXACT],
    ['p2c', { policy: 'p2c', limit: 0 }],
    ['round-robin', { policy: 'round-robin', limit: 0 }],
    ['random', { policy: 'random', limit: 0 }],
  ];
  const lines: Line[] = [];
  const means: string[][] = BACKENDS.map((backends) => [`${backends}`]);
  for (const [name, how] of policies) {
    const points: [number, number][] = [];
    for (const [i, backends] of BACKENDS.entries()) {
      const { waits, waited, requests } = await genius(backends, how);
      points.push([backends, (100 * waited) / requests]);
      means[i]!.push(`${percent(waited / requests)} · ${ms(waits.mean)}`);
    }
    lines.push({ name, points });
  }
  const axes = { title: 'Requests that wait', x: 'backends', y: '%', yMax: 100 };
  return {
    table: table(['backends', ...policies.map(([name]) => name)], means),
    chart: lineChart(lines, axes),
  };
}

async function exponentialTable(
  run: (load: number, requests: number, how: Policy) => Promise<Outcome>,
): Promise<string> {
  const published: readonly (readonly [number, number, readonly [string, string, string, string]])[] = [
    [0.8, 1_000_000, ['403 · 2 214', '96 · 571', '0.6 · 0', '0.1 · 3']],
    [0.9, 1_500_000, ['912 · 4 648', '164 · 731', '6.4 · 186', '2.2 · 31']],
    [0.95, 2_000_000, ['1 900 · 8 921', '245 · 902', '23 · 316', '11.4 · 84']],
    [0.99, 3_000_000, ['7 064 · 30 281', '468 · 1 300', '113 · 654', '86.7 · 434']],
  ];
  const policies: readonly Policy[] = [
    { policy: 'random', limit: 0 },
    { policy: 'p2c', limit: 0 },
    { policy: 'least-request', limit: 0 },
    EXACT,
  ];
  const rows: Row[] = [];
  for (const [load, requests, theirs] of published) {
    const cells: string[] = [];
    for (const [i, how] of policies.entries()) {
      const { waits } = await run(load, requests, how);
      cells.push(`${ms(waits.mean)} · ${ms(waits.p99)} (${theirs[i]})`);
    }
    rows.push([load.toFixed(2), ...cells, `${ms(randomWaitMs(load))} · ${ms(centralFifoWaitMs(load))}`]);
  }
  const head = [
    'load',
    'random',
    'p2c',
    'least-request, no limit',
    'exact checkout',
    'theory: random · FIFO',
  ];
  return table(head, rows);
}

async function slowBackendTable(run: (scenario: Scenario) => Promise<Outcome>) {
  const published: readonly (readonly [Scenario['policy'], string])[] = [
    ['round-robin', '≈ 95 % (95.45)'],
    ['least-request', '≈ 99 % (99.54)'],
    ['p2c', '–'],
    ['peak-ewma', '≈ 99.9 % (99.94)'],
  ];
  const rows: Row[] = [];
  const lines: Line[] = [];
  for (const [policy, theirs] of published) {
    const outcome = await run(oneSlowBackend({ policy, seed: SEED }));
    const bad = outcome.badBySecond;
    const early = (bad[15] ?? 0) + (bad[16] ?? 0);
    const missed = outcome.requests - outcome.good;
    rows.push([policy, theirs, percent(outcome.good / outcome.requests, 3), missed, early, missed - early]);
    lines.push({ name: policy, points: Array.from({ length: 60 }, (_, i) => [i, bad[i] ?? 0] as const) });
  }
  const head = ['policy', 'published (computed)', 'success', 'missed', 'in the first 2 s', 'after'];
  const axes = {
    title: 'Requests of each second that took over a second',
    x: 'second',
    y: 'requests',
    yMax: 100,
  };
  return { table: table(head, rows), chart: lineChart(lines, axes) };
}

// What a router may learn from: listed statuses, and a second attempt where the first was answered so, or not at all.
const JUDGED: SparsePool = {
  health: { passive: { outlier: { statuses: ['500-599'] } } },
  retries: { statuses: ['500-599'], firstByteTimeouts: true, budgetPercent: 100 },
};
const BRISK: SparsePool = { ...JUDGED, timeouts: { firstByteMs: 2000 } };
const PROBED: SparsePool = {
  health: {
    active: {
      path: '/',
      intervalMs: 500,
      timeoutMs: 2000,
      healthyAfter: 1,
      unhealthyAfter: 2,
      statuses: '200-399',
    },
  },
  queue: { maxWaiting: 5000 },
};

export const REACHED: Readonly<
  Record<FaultyFleet, { readonly policy: Scenario['policy']; readonly pool: SparsePool; readonly by: string }>
> = {
  black_hole: { policy: 'peak-ewma', pool: BRISK, by: 'outliers, retries, 2 s' },
  one_endpoint_dies_on_each_server: { policy: 'peak-ewma', pool: JUDGED, by: 'routes, outliers, retries' },
  all_nodes_500: { policy: 'least-request', pool: PROBED, by: 'probes' },
  drastic_slowdown: { policy: 'least-request', pool: BRISK, by: 'outliers, retries, 2 s' },
  live_reloading: { policy: 'peak-ewma', pool: JUDGED, by: 'outliers, retries' },
  one_big_spike: { policy: 'least-request', pool: JUDGED, by: 'limit, queue' },
  fast_503s_then_revert: { policy: 'peak-ewma', pool: JUDGED, by: 'outliers, retries' },
  slow_503s_then_revert: { policy: 'peak-ewma', pool: JUDGED, by: 'outliers, retries' },
};

async function faultyTable(run: (scenario: Scenario) => Promise<Outcome>): Promise<string> {
  const published: Readonly<Record<FaultyFleet, readonly [theirs: string, bar: string]>> = {
    black_hole: ['91.5 %', '≥ 99 %'],
    one_endpoint_dies_on_each_server: ['66.2 %', '≥ 99 %'],
    all_nodes_500: ['74.1 %', '≥ 74 %'],
    drastic_slowdown: ['mean 0.252 s', '≤ 0.2 s'],
    live_reloading: ['94.3 %', '≥ 99 %'],
    one_big_spike: ['100 %', '100 %, 1 000 calls'],
    fast_503s_then_revert: ['100 %', '100 %'],
    slow_503s_then_revert: ['100 %', '100 %'],
  };
  const outliers: SparsePool = { health: JUDGED.health! };
  const rows: Row[] = [];
  for (const name of Object.keys(FAULTY_FLEETS) as FaultyFleet[]) {
    const fleet = { ...FAULTY_FLEETS[name], seed: SEED, routed: true };
    const cells: string[] = [];
    for (const policy of ['least-request', 'peak-ewma'] as const)
      for (const pool of [{}, outliers]) cells.push(faultyCell(await run({ ...fleet, policy, pool })));
    const { by, ...how } = REACHED[name];
    cells.push(`**${faultyCell(await run({ ...fleet, ...how }))}**`, `${how.policy}, ${by}`);
    rows.push([`\`${name}\``, ...published[name], ...cells]);
  }
  const head = [
    'fleet',
    'theirs',
    'bar',
    'least-request',
    '… and outliers',
    'peak-ewma',
    '… and outliers',
    'reached',
    'by',
  ];
  return table(head, rows);
}

/** A backend fails for a while, or is slow: how soon it is left alone, whatever it costs, and how soon it is back. */
async function courseTable(run: (scenario: Scenario) => Promise<Outcome>): Promise<string> {
  const rows: Row[] = [];
  for (const failures of [2, 5, 20]) {
    for (const quarantineMs of [1000, 5000]) {
      const pool: SparsePool = {
        health: { passive: { quarantineMs, outlier: { failures, statuses: ['500-599'] } } },
      };
      const fleet = {
        ...FAULTY_FLEETS.fast_503s_then_revert,
        seed: SEED,
        policy: 'least-request',
        pool,
      } as const;
      const { good, requests, badBySecond, sentTo } = await run(fleet);
      const early = badBySecond[3] ?? 0;
      rows.push([failures, quarantineMs, requests - good, early, requests - good - early, sentTo[1]!]);
    }
  }
  const head = [
    'failures',
    'quarantineMs',
    'failed',
    'in its first second',
    'trials after',
    'sent to it in 15 s',
  ];
  return table(head, rows);
}

function faultyCell({ good, requests, times, sentTo }: Outcome): string {
  const calls = sentTo.reduce((a, b) => a + b);
  return `${percent(good / requests)} · ${(times.mean / 1000).toFixed(3)} s · ${calls}`;
}

function table(head: readonly string[], rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Thousands are parted by a narrow space, as in the published tables. */
function ms(value: number): string {
  const text = value < 20 ? value.toFixed(1) : value.toFixed(0);
  return text.replace(/\B(?=(\d{3})+$)/g, ' ');
}

const PAGE = `# Routing quality

Written by \`node bench/simulate/main.ts\` from a fixed seed; do not edit. The simulator runs the production ledger,
queue, policies, health, probes' rules and retry budget under virtual time. "Published" are the numbers of design/routing-quality.md with their
sources. A shorter run of the same scenarios is a test (\`test/simulate/\`).

## 1. Rap Genius: 9 000 requests a minute, one at a time each

An hour, the first minute dropped. _In vain_ counts requests that waited in the ledger while a backend was open in it.

{disciplines}

With \`policy: "least-request"\` and \`maxConcurrency: 1\` each request waits exactly as long as before one queue, request
by request (Kiefer and Wolfowitz's recursion over the same arrivals; \`test/simulate/rap-genius.test.ts\`).

### How many backends it takes

Requests that waited, and the mean wait in ms. At most one in a hundred waits from 60 backends on or before; published
for others: 500 with p2c, 3 000 with ten round-robin routers, over 4 000 at random.

{fleets}

![Requests that wait, by number of backends](routing-quality-backends.svg)

## 2. Exponential service: the simulator checked

100 backends, mean service 100 ms; mean and p99 wait in ms, published in brackets. The last column is theory (M/M/1 and
Erlang's C). With two choices the mean time in system at load 0.9 tends to {limit} service times (Mitzenmacher); the wait is
that less one. Random at load 0.99 takes hours to fill its queues, so no finite run comes to theory's value.

{exponentials}

## 3. One slow backend of eleven

1 000 requests a second for a minute; from 15 s to 45 s one backend takes 2 s. Success means within a second. Bar:
99.94 %, reached by \`policy: "peak-ewma"\`.

{slow}

Every miss is explained: those of the first two seconds were sent before the slow backend could have answered its first
request, as many as it had in flight when it was still quick; each of the others tried, once what was known had
faded, whether it was quick again.

![Requests that took over a second](routing-quality-slow-backend.svg)

## 4. Faulty fleets

Success, mean time, and calls made to backends. Each endpoint is an entry of the domain's \`routes\`; all requests are
idempotent. The first four columns are the defaults of a pool with either policy, alone and with
\`health.passive.outlier.statuses: ["500-599"]\`. _Reached_ is by these settings:

- _outliers, retries_: that, and \`retries: {statuses: ["500-599"], firstByteTimeouts: true, budgetPercent: 100}\`;
- _2 s_: and \`timeouts.firstByteMs: 2000\`;
- _routes_: the endpoints are entries of \`routes\`, as everywhere here; without, nobody could tell the backends apart;
- _probes_: \`health.active: {path: "/", intervalMs: 500, healthyAfter: 1, unhealthyAfter: 2}\` and
  \`queue.maxWaiting: 5000\`;
- _limit, queue_: \`maxConcurrency: 100\`.

{faulty}

Without a second attempt these have bounds that no router can pass, since it learns from answers:

- \`black_hole\`: answers take 0.6 s, so at least 60 requests (3 %) are sent to the silent backend before its silence
  means anything, and all that are sent within the time-out. One retry each saves them.
- \`one_endpoint_dies_on_each_server\`: 0.6 s × 62.5/s × 2 = 75 requests (3 %) fail before the first failure is known.
  Outliers alone come near that. What is lost with retries is what the budget denied in its first moments, when
  few requests had ended of which it is a share.
- \`all_nodes_500\`: half of the requests come while all backends answer 500: 50 % for whoever passes answers on. Only who
  makes requests wait can do better: when the probes of all fail, all are closed, requests wait in the queue up to
  \`maxWaitMs\`, and those that waited are answered when a probe passes. Outliers do not help: no backend is worse
  than the others, so none is ejected.
- \`live_reloading\`: 75 requests (3 %) go to the broken backend before it has answered one. With retries none is lost.

A budget of 100 % is more than the default 20 %: half of a pool of two that breaks at once needs a second attempt for
every second request, for as long as it takes to know. With 20 % the rest of those fails as without.

### How soon an outlier is left alone

\`fast_503s_then_revert\` under least-request without retries: of 3 750 requests, those that failed while one of two backends
answered 503 within 10 ms for 7 s, by settings of \`health.passive\`. After the first second only trials fail, one at a time, each
after twice the time of the last.

{courses}
`;
