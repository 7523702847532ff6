/** Memory for pools and rows: what is freed is used again for the same kind. Main thread only. */
import { ARENA, CLOSED, NO_LIMIT, PHASE, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK } from './layout.ts';
import type { Memory } from './memory.ts';

export class PoolMemory {
  /** All blocks that ever were pools: their lock words are looked at when a thread dies. */
  readonly blocks: number[] = [];
  private readonly memory: Memory;
  private readonly freeBlocks: number[] = [];
  private readonly freeChunks: number[] = [];

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The block that `takeBlock` will take. */
  nextBlock(): number {
    if (this.freeBlocks.length === 0) {
      const block = this.memory.allocate(POOL.words);
      this.blocks.push(block);
      this.freeBlocks.push(block);
    }
    return this.freeBlocks[this.freeBlocks.length - 1]!;
  }

  takeBlock(): void {
    this.freeBlocks.pop();
  }

  freeBlock(block: number): void {
    this.freeBlocks.push(block);
  }

  /** Takes `count` chunks of empty rows; none if there is no room for all. */
  takeChunks(count: number): number[] {
    const chunks: number[] = [];
    try {
      while (chunks.length < count) chunks.push(this.takeChunk());
    } catch (error) {
      this.freeRows(chunks);
      throw error;
    }
    return chunks;
  }

  freeRows(chunks: readonly number[]): void {
    this.freeChunks.push(...chunks);
  }

  /** Empties a block and frees its rows. Under its lock. */
  clear(block: number): void {
    const { words, doubles } = this.memory;
    for (let chunk = words[block + POOL.firstChunk]!; chunk !== 0; ) {
      const next = words[chunk + ROW_CHUNK.next]!;
      this.freeChunks.push(chunk);
      chunk = next;
    }
    words[block + POOL.layout] = (words[block + POOL.layout]! + 1) | 0;
    words[block + POOL.phase] = PHASE.free;
    doubles[(block + POOL.key) >> 1] = 0;
  }

  private takeChunk(): number {
    const step = this.memory.words[ARENA.rowWords]!;
    const chunk = this.freeChunks.pop() ?? this.memory.allocate(ROW_CHUNK.rows + ROWS_IN_CHUNK * step);
    const { words, doubles } = this.memory;
    words[chunk + ROW_CHUNK.next] = 0;
    for (let i = 0; i < ROWS_IN_CHUNK; i++) {
      const at = chunk + ROW_CHUNK.rows + i * step;
      words.fill(0, at, at + step);
      words[at + ROW.closed] = CLOSED.empty;
      words[at + ROW.limit] = NO_LIMIT;
      words[at + ROW.weight] = 1;
      doubles[(at + ROW.score) >> 1] = -1;
      doubles[(at + ROW.latencyMs) >> 1] = -1;
    }
    return chunk;
  }
}
