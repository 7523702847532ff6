/** How often workers were replaced, and how many established but unaccepted connections that cost. */
import type { Family } from './prometheus.ts';

export type ReplacementCounts = {
  /** Workers that were replaced. */
  readonly replaced: number;
  /** Connections in their accept queues at that time. */
  readonly lostConnections: number;
  /** Replaced workers that have not finished yet. */
  readonly retiring: number;
};

export function replacementFamilies(counts: ReplacementCounts): Family[] {
  return [
    {
      name: 'switchyard_worker_replacements',
      type: 'counter',
      help: 'Workers replaced on request.',
      samples: [{ value: counts.replaced }],
    },
    {
      name: 'switchyard_worker_lost_connections',
      type: 'counter',
      help: 'Connections in an accept queue that were reset when a worker was replaced.',
      samples: [{ value: counts.lostConnections }],
    },
    {
      name: 'switchyard_workers_retiring',
      type: 'gauge',
      help: 'Replaced workers that still serve their open connections.',
      samples: [{ value: counts.retiring }],
    },
  ];
}
