/** Checkpoints of ledgers as they are stored in a block, one after the other. */
import { ByteReader } from '../bytes.ts';

export type JournalledCheckpoint = {
  readonly run: number;
  readonly poolKey: number;
  /** Ticket of the last operation that it includes. */
  readonly ticket: number;
  readonly atMs: number;
  /** As packed by the ledger. */
  readonly state: Uint8Array;
};

export function* checkpointsIn(bytes: Uint8Array, run: number): IterableIterator<JournalledCheckpoint> {
  const reader = new ByteReader(bytes);
  while (!reader.isDone) {
    const poolKey = reader.count();
    const ticket = reader.count();
    const atMs = reader.double();
    yield { run, poolKey, ticket, atMs, state: reader.slice(reader.count()) };
  }
}
