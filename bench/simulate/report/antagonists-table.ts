/** §5: load that is not requests. */
import { antagonists, LOADS } from '../antagonists.ts';
import { type Run, SEED } from './run.ts';
import { ms, percent, type Row, table } from './table.ts';

const POLICIES = ['round-robin', 'random', 'least-request', 'p2c', 'peak-ewma'] as const;

export async function antagonistsTable(run: Run): Promise<string> {
  const rows: Row[] = [];
  for (const load of LOADS) {
    const cells: string[] = [];
    for (const policy of POLICIES) {
      const { times, good, requests } = await run(antagonists(load, { policy, seed: SEED }));
      cells.push(`${ms(times.p50)} · ${ms(times.p99)} · ${percent(1 - good / requests)}`);
    }
    rows.push([load.toFixed(2), ...cells]);
  }
  return table(['load', ...POLICIES], rows);
}
