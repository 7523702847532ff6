/** The other frames of a thread's ring: what a key stands for, and checkpoints of ledgers. */
import { FRAME } from './frame.ts';
import type { RingProducer } from './ring-producer.ts';

/** Pools and backends are known to shared memory, and so to records, by a number. */
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

/** A pool's whole state behind its operation `ticket`, as the ledger packs it. */
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
