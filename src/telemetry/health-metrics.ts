/** Metrics of backends' health, by pool, and of probes. */
import type { HealthCounts } from '../../actors/index.ts';
import { mostCounted } from './ledger-metrics.ts';
import type { Family } from './prometheus.ts';

export type ProbeCounts = { readonly passed: number; readonly failed: number };

const KINDS = {
  ejected: [
    'switchyard_backend_ejections',
    'Backends ejected as outliers, for all requests or for one route.',
  ],
  withheld: [
    'switchyard_backend_ejections_withheld',
    'Outliers not ejected because too many backends of the pool already were.',
  ],
  returned: ['switchyard_backend_returns', 'Ejected backends that returned after a successful trial.'],
  quarantined: ['switchyard_backend_quarantines', 'Backends quarantined because connecting failed.'],
  failing: ['switchyard_backend_probe_downs', 'Backends taken out because their health checks failed.'],
  passing: ['switchyard_backend_probe_ups', 'Backends taken back because their health checks passed.'],
} as const satisfies Record<keyof HealthCounts, readonly [name: string, help: string]>;

const NONE: HealthCounts = { ejected: 0, withheld: 0, returned: 0, quarantined: 0, failing: 0, passing: 0 };

export function healthFamilies(
  counts: ReadonlyMap<string, HealthCounts>,
  probes: ProbeCounts,
  pools: Iterable<string>,
): Family[] {
  const shown = mostCounted(counts, ({ ejected, quarantined }) => ejected + quarantined, pools, NONE);
  const families = (Object.keys(KINDS) as (keyof HealthCounts)[]).map((kind): Family => {
    const [name, help] = KINDS[kind];
    const samples = shown.map(([pool, each]) => ({ labels: { pool }, value: each[kind] }));
    return { name, type: 'counter', help, samples };
  });
  const results = Object.entries(probes).map(([result, value]) => ({ labels: { result }, value }));
  return [
    ...families,
    {
      name: 'switchyard_probes',
      type: 'counter',
      help: 'Health checks of backends, by result.',
      samples: results,
    },
  ];
}
