/** §3: one slow backend of eleven. */
import { type Line, lineChart } from '../chart.ts';
import type { Scenario } from '../scenario.ts';
import { oneSlowBackend } from '../slow-backend.ts';
import { type Run, SEED } from './run.ts';
import { percent, type Row, table } from './table.ts';

export async function slowBackendTable(run: Run) {
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
