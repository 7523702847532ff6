/** Metrics of the journal, from what its writer puts into shared memory. */
import { JournalMemory, type JournalShared, WRITER_STATUS } from '../../eventlog/index.ts';
import type { Family } from './prometheus.ts';

type Shown = readonly [name: string, type: 'counter' | 'gauge', status: number, help: string];

const SHOWN: readonly Shown[] = [
  ['requests', 'counter', WRITER_STATUS.requests, 'Requests recorded.'],
  ['operations', 'counter', WRITER_STATUS.operations, 'Ledger operations recorded.'],
  ['checkpoints', 'counter', WRITER_STATUS.checkpoints, 'Ledger checkpoints recorded.'],
  ['blocks', 'counter', WRITER_STATUS.blocks, 'Blocks committed.'],
  ['written_bytes', 'counter', WRITER_STATUS.bytes, 'Bytes of records committed.'],
  ['gaps', 'counter', WRITER_STATUS.gaps, 'Gaps: periods with missing records.'],
  [
    'lost_requests',
    'counter',
    WRITER_STATUS.lostRequests,
    'Requests not recorded for lack of room; they cannot be explained.',
  ],
  [
    'lost_operations',
    'counter',
    WRITER_STATUS.lostOperations,
    'Ledger operations not recorded for lack of room.',
  ],
  ['failures', 'counter', WRITER_STATUS.failures, 'Failed writes.'],
  ['failing', 'gauge', WRITER_STATUS.failing, '1 while the journal cannot be written; requests go on.'],
  ['held_bytes', 'gauge', WRITER_STATUS.heldBytes, 'Size of the journal files.'],
  ['segments', 'gauge', WRITER_STATUS.segments, 'Journal files.'],
];

/** Empty if no journal is kept. */
export function journalFamilies(shared: JournalShared | undefined, nowMs: number): Family[] {
  if (shared === undefined) return [];
  const { writerStatus } = new JournalMemory(shared);
  const looked = writerStatus[WRITER_STATUS.lookedAtMs]!;
  const sinceLookMs = looked === 0 ? 0 : Math.max(0, nowMs - looked);
  return [
    ...SHOWN.map(([name, type, index, help]) => family(name, type, help, writerStatus[index]!)),
    family(
      'lag_seconds',
      'gauge',
      'Upper bound for the age of the oldest record not yet on disk.',
      Math.max(writerStatus[WRITER_STATUS.lagMs]!, sinceLookMs) / 1000,
    ),
  ];
}

function family(name: string, type: 'counter' | 'gauge', help: string, value: number): Family {
  return { name: `switchyard_journal_${name}`, type, help, samples: [{ value }] };
}
