/** Reads the rings of records, in whatever thread: one reader per ring at a time. */

import type { LedgerShared } from '../../actors/pool/ledger/ledger.ts';
import { AREA, ARENA, RING_OFFSET, TRIED_MAX } from '../../actors/pool/ledger/memory/layout.ts';
import { Memory } from '../../actors/pool/ledger/memory/memory.ts';
import { decodeRecord, type LedgerRecord } from '../../actors/pool/ledger/record/record.ts';
import { SLOT, SLOT_WORDS } from '../../actors/pool/ledger/record/record-layout.ts';
import { slotsFor } from '../../actors/pool/ledger/record/recorder.ts';

export interface RecordReader {
  readonly threads: number;
  /** Hands over what is new in a thread's ring, in the order in which it happened there; says how many. */
  drain(thread: number, each: (record: LedgerRecord) => void): number;
  /** Records of this thread that found its ring full, since the arena was made (it wraps at 2^32). */
  lost(thread: number): number;
}

export function readRecords(shared: LedgerShared): RecordReader {
  return new RingReader(shared.buffer);
}

class RingReader implements RecordReader {
  private readonly memory: Memory;
  private readonly words = new Int32Array(slotsFor(TRIED_MAX) * SLOT_WORDS);
  private readonly doubles = new Float64Array(this.words.buffer);

  constructor(buffer: SharedArrayBuffer) {
    this.memory = new Memory(buffer);
  }

  get threads(): number {
    return this.memory.threads;
  }

  drain(thread: number, each: (record: LedgerRecord) => void): number {
    const { words } = this.memory;
    const area = this.memory.areaOf(thread);
    const head = Atomics.load(words, area + AREA.recordsPublished);
    let tail = words[area + AREA.recordTail]!;
    let count = 0;
    for (; tail !== head; count++) {
      tail = this.copy(area, tail);
      const record = decodeRecord(this.words, this.doubles);
      // Given back at once, so that a long drain makes room as it goes.
      Atomics.store(words, area + AREA.recordTail, tail);
      each(record);
    }
    return count;
  }

  lost(thread: number): number {
    return Atomics.load(this.memory.words, this.memory.areaOf(thread) + AREA.recordsLost) >>> 0;
  }

  /** Copies the record at this place of the ring; says where the next one is. */
  private copy(area: number, index: number): number {
    const first = this.slotAt(area, index);
    const slots = slotsFor(this.memory.words[first + SLOT.triedCount]!);
    for (let i = 0; i < slots; i++) {
      const from = this.slotAt(area, (index + i) | 0);
      this.words.set(this.memory.words.subarray(from, from + SLOT_WORDS), i * SLOT_WORDS);
    }
    return (index + slots) | 0;
  }

  private slotAt(area: number, index: number): number {
    return area + RING_OFFSET + (index & (this.memory.words[ARENA.recordSlots]! - 1)) * SLOT_WORDS;
  }
}
