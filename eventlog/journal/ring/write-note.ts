/** Writes the other frames of a thread's ring: the names of keys, and checkpoints of ledgers. */
import { FRAME } from './frame.ts';
import type { RingProducer } from './ring-producer.ts';

/** The name of a pool or a backend, which shared memory, and so a record, only knows by its key. */
export function writeName(into: RingProducer, key: number, name: string): boolean {
  const bytes = Buffer.from(name, 'utf8');
  if (!into.begin(16 + bytes.length)) return false;
  into.word(1, bytes.length);
  into.number(2, key);
  into.at += 12;
  into.copy(bytes);
  into.end(FRAME.name);
  return true;
}

/** A pool's whole state after its operation `ticket`, as packed by the ledger. */
export function writeCheckpoint(
  into: RingProducer,
  poolKey: number,
  ticket: number,
  atMs: number,
  state: Uint8Array,
): boolean {
  if (!into.begin(32 + state.length)) return false;
  into.word(1, state.length);
  into.number(2, poolKey);
  into.number(4, ticket);
  into.number(6, atMs);
  into.at += 28;
  into.copy(state);
  into.end(FRAME.checkpoint);
  return true;
}
