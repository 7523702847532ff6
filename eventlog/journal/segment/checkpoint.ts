/** Checkpoints of ledgers as they lie in a block, one after the other. */
import { ByteReader } from '../bytes.ts';

export type JournalledCheckpoint = {
  readonly run: number;
  readonly poolKey: number;
  /** Of the last operation that it knows. */
  readonly ticket: number;
  readonly atMs: number;
  /** As the ledger packed it. */
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
