/** §4: faulty fleets. */
import type { SparsePool } from '../../../eventlog/index.ts';
import { FAULTY_FLEETS, type FaultyFleet } from '../faulty-fleets.ts';
import { JUDGED, REACHED } from '../reached.ts';
import type { Outcome } from '../simulation.ts';
import { type Run, SEED } from './run.ts';
import { percent, type Row, table } from './table.ts';

export async function faultyTable(run: Run): Promise<string> {
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
export async function courseTable(run: Run): Promise<string> {
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
