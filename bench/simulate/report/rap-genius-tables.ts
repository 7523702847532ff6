/** §1: Rap Genius, by discipline and by number of backends. */
import { type Line, lineChart } from '../chart.ts';
import type { Scenario } from '../scenario.ts';
import type { Outcome } from '../simulation.ts';
import { EXACT, type Policy } from './run.ts';
import { ms, percent, type Row, table } from './table.ts';

const BACKENDS = [44, 48, 52, 56, 60, 64, 68, 72, 76];

export type Genius = (backends: number, how: Policy & Partial<Scenario>) => Promise<Outcome>;

export async function rapGeniusTable(genius: Genius): Promise<string> {
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

export async function backendsNeeded(genius: Genius): Promise<{ table: string; chart: string }> {
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
