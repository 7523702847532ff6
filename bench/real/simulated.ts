/** The same workload under virtual time: the production ledger between the very same arrivals, works and patience. */
import { oneAtATime } from '../simulate/rap-genius.ts';
import { type Outcome, simulate } from '../simulate/simulation.ts';
import type { Workload } from './workload.ts';

export type Simulated = {
  readonly backends: number;
  readonly workers: number;
  readonly warmUpMs: number;
  /** What each request holds its slot for beyond its work. */
  readonly moreMs: number;
};

export function simulateWorkload(
  load: Workload,
  { backends, workers, warmUpMs, moreMs }: Simulated,
): Promise<Outcome> {
  const { arrivalsMs, worksMs, patiencesMs } = load;
  const next = { arrival: 0, work: 0, patience: 0 };
  return simulate({
    seed: 1,
    requests: arrivalsMs.length,
    warmUpMs,
    nextArrivalMs: () => {
      const at = next.arrival++;
      return (arrivalsMs[at] ?? 0) - (at === 0 ? 0 : arrivalsMs[at - 1]!);
    },
    workMs: () => worksMs[next.work++]! + moreMs,
    patienceMs: () => patiencesMs[next.patience++]!,
    backends: oneAtATime(backends),
    policy: 'least-request',
    limit: 1,
    workers,
  });
}
