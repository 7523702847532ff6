/** Metrics of the journal, from what its writer puts into shared memory. */
import { JournalMemory, type JournalShared, SAYS } from '../../eventlog/index.ts';
import type { Family } from './prometheus.ts';

type Shown = readonly [name: string, type: 'counter' | 'gauge', says: number, help: string];

const SHOWN: readonly Shown[] = [
  ['requests', 'counter', SAYS.requests, 'Requests on record.'],
  ['operations', 'counter', SAYS.operations, 'Operations of ledgers on record.'],
  ['checkpoints', 'counter', SAYS.checkpoints, 'Checkpoints of ledgers on record.'],
  ['blocks', 'counter', SAYS.blocks, 'Blocks committed.'],
  ['written_bytes', 'counter', SAYS.bytes, 'Bytes of records committed.'],
  ['gaps', 'counter', SAYS.gaps, 'Times in which records are missing.'],
  ['lost_requests', 'counter', SAYS.lostRequests, 'Requests that found no room, so nobody can explain them.'],
  ['lost_operations', 'counter', SAYS.lostOperations, 'Operations of ledgers that found no room.'],
  ['failures', 'counter', SAYS.failures, 'Times it could not write.'],
  ['failing', 'gauge', SAYS.failing, '1 while it cannot write; requests go on.'],
  ['held_bytes', 'gauge', SAYS.heldBytes, 'Bytes of its files.'],
  ['segments', 'gauge', SAYS.segments, 'Files it consists of.'],
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
      'Age of the oldest record that is not on disk, at most.',
      Math.max(says[SAYS.lagMs]!, sinceLookMs) / 1000,
    ),
  ];
}

function family(name: string, type: 'counter' | 'gauge', help: string, value: number): Family {
  return { name: `switchyard_journal_${name}`, type, help, samples: [{ value }] };
}
