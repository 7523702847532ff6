/** Finds status ranges with their ends swapped: they contain no status, so every probe, for example, would fail. */
import { type PoolSettings, statusRange } from '../../eventlog/index.ts';
import { type Path, type Problem, renderPath } from './problem.ts';

/** The problems of one pool. */
export function statusProblems({ health, retries }: PoolSettings, pool: Path): Problem[] {
  const { passive, active } = health;
  const outlier = passive !== false && passive.outlier;
  return [
    ...inList(outlier === false ? [] : outlier.statuses, [
      ...pool,
      'health',
      'passive',
      'outlier',
      'statuses',
    ]),
    ...(active === false ? [] : inOne(active.statuses, [...pool, 'health', 'active', 'statuses'])),
    ...inList(retries.statuses, [...pool, 'retries', 'statuses']),
  ];
}

function inList(statuses: readonly (number | string)[], at: Path): Problem[] {
  return statuses.flatMap((text, index) => inOne(text, [...at, index]));
}

function inOne(text: number | string, at: Path): Problem[] {
  const { from, to } = statusRange(text);
  if (from <= to) return [];
  return [
    { path: renderPath(at), expected: `a range from low to high such as ${to}-${from}`, found: `"${text}"` },
  ];
}
