/**
 * Which pools a block is about, and which of their tickets. It is read alone, so that blocks without the pool need
 * not be read.
 */
import { ByteReader, ByteWriter } from '../bytes.ts';

export type PoolRange = {
  readonly poolKey: number;
  readonly operations: number;
  /** Tickets of its operations; 0: none. */
  readonly firstTicket: number;
  readonly lastTicket: number;
  /** Ticket of the last checkpoint in the block; 0: none. */
  readonly checkpoint: number;
};

type Range = { -readonly [Key in keyof PoolRange]: PoolRange[Key] };

// Five numbers of at most 8 bytes.
const ENTRY_BYTES = 40;

export class PoolIndex {
  readonly #ranges = new Map<number, Range>();

  addOperations(poolKey: number, firstTicket: number, lastTicket: number, operations: number): void {
    const range = this.#rangeOf(poolKey);
    range.firstTicket = range.firstTicket === 0 ? firstTicket : Math.min(range.firstTicket, firstTicket);
    range.lastTicket = Math.max(range.lastTicket, lastTicket);
    range.operations += operations;
  }

  addCheckpoint(poolKey: number, ticket: number): void {
    const range = this.#rangeOf(poolKey);
    range.checkpoint = Math.max(range.checkpoint, ticket);
  }

  clear(): void {
    this.#ranges.clear();
  }

  packed(): Uint8Array {
    const into = new ByteWriter(new Uint8Array(ENTRY_BYTES * this.#ranges.size));
    for (const { poolKey, operations, firstTicket, lastTicket, checkpoint } of this.#ranges.values()) {
      into.count(poolKey);
      into.count(operations);
      into.count(firstTicket);
      into.count(lastTicket - firstTicket);
      into.count(checkpoint);
    }
    return into.written();
  }

  #rangeOf(poolKey: number): Range {
    const known = this.#ranges.get(poolKey);
    if (known !== undefined) return known;
    const fresh: Range = { poolKey, operations: 0, firstTicket: 0, lastTicket: 0, checkpoint: 0 };
    this.#ranges.set(poolKey, fresh);
    return fresh;
  }
}

export function* rangesIn(packed: Uint8Array): Generator<PoolRange, void> {
  const reader = new ByteReader(packed);
  while (!reader.isDone) {
    const poolKey = reader.count();
    const operations = reader.count();
    const firstTicket = reader.count();
    const lastTicket = firstTicket + reader.count();
    yield { poolKey, operations, firstTicket, lastTicket, checkpoint: reader.count() };
  }
}
