/** Metrics of the journal, from what its writer puts into shared memory. */
import { JournalMemory, type JournalShared, SAYS } from '../../eventlog/index.ts';
import type { Family } from './prometheus.ts';

type Shown = readonly [name: string, type: 'counter' | 'gauge', says: number, help: string];

const SHOWN: readonly Shown[] = [
  ['requests', 'counter', SAYS.requests, 'Requests recorded.'],
  ['operations', 'counter', SAYS.operations, 'Ledger operations recorded.'],
  ['checkpoints', 'counter', SAYS.checkpoints, 'Ledger checkpoints recorded.'],
  ['blocks', 'counter', SAYS.blocks, 'Blocks committed.'],
  ['written_bytes', 'counter', SAYS.bytes, 'Bytes of records committed.'],
  ['gaps', 'counter', SAYS.gaps, 'Gaps: periods with missing records.'],
  [
    'lost_requests',
    'counter',
    SAYS.lostRequests,
    'Requests not recorded for lack of room; they cannot be explained.',
  ],
  ['lost_operations', 'counter', SAYS.lostOperations, 'Ledger operations not recorded for lack of room.'],
  ['failures', 'counter', SAYS.failures, 'Failed writes.'],
  ['failing', 'gauge', SAYS.failing, '1 while the journal cannot be written; requests go on.'],
  ['held_bytes', 'gauge', SAYS.heldBytes, 'Size of the journal files.'],
  ['segments', 'gauge', SAYS.segments, 'Journal files.'],
];

/** Empty if no journal is kept. */
export function journalFamilies(shared: JournalShared | undefined, nowMs: number): Family[] {
  if (shared === undefined) return [];
  const { says } = new JournalMemory(shared);
  const looked = says[SAYS.lookedAtMs]!;
  const sinceLookMs = looked === 0 ? 0 : Math.max(0, nowMs - looked);
  return [
    ...SHOWN.map(([name, type, index, help]) => family(name, type, help, says[index]!)),
    family(
      'lag_seconds',
      'gauge',
      'Upper bound for the age of the oldest record not yet on disk.',
      Math.max(says[SAYS.lagMs]!, sinceLookMs) / 1000,
    ),
  ];
}

function family(name: string, type: 'counter' | 'gauge', help: string, value: number): Family {
  return { name: `switchyard_journal_${name}`, type, help, samples: [{ value }] };
}
