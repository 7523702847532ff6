/** §2: exponential service, beside theory. */
import { centralFifoWaitMs, exponential, randomWaitMs } from '../reference.ts';
import { EXACT, type Policy, type Run, SEED } from './run.ts';
import { ms, type Row, table } from './table.ts';

export async function exponentialTable(share: number, run: Run): Promise<string> {
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
      const { waits } = await run(exponential(load, Math.round(requests * share), { seed: SEED, ...how }));
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
