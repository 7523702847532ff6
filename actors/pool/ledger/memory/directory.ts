/**
 * Finds where a pool lies in the arena, by its key. Only the main thread changes it. Readers take no lock: they read
 * again if the version, odd during a change, shows that they may have seen half of one.
 */
import { ARENA, POOL } from './layout.ts';
import type { Memory } from './memory.ts';

const FIRST_BUCKETS = 256;
// A reader that meets a change sleeps at most this long; a change takes microseconds, a larger table a millisecond.
const SLEEP_MS = 1;

export class Directory {
  private readonly memory: Memory;
  private pools = 0;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Where the pool lies; 0: unknown. */
  find(key: number): number {
    for (;;) {
      this.memory.look();
      const { words } = this.memory;
      const version = Atomics.load(words, ARENA.directoryVersion);
      if ((version & 1) === 1) {
        Atomics.wait(words, ARENA.directoryVersion, version, SLEEP_MS);
        continue;
      }
      const found = this.walk(key, version);
      if (Atomics.load(words, ARENA.directoryVersion) === version) return found;
    }
  }

  /** Makes sure that one more pool can be added. */
  reserve(): void {
    if (this.pools >= this.memory.words[ARENA.directoryMask]!) this.change(() => this.grow());
  }

  /** Needs a `reserve` before. */
  add(pool: number, key: number): void {
    this.change(() => {
      this.link(pool, key);
      this.pools += 1;
    });
  }

  remove(pool: number, key: number): void {
    this.change(() => {
      const { words } = this.memory;
      let at = this.bucketOf(key);
      while (words[at] !== pool) at = words[at]! + POOL.nextInBucket;
      words[at] = words[pool + POOL.nextInBucket]!;
      this.pools -= 1;
    });
  }

  private walk(key: number, version: number): number {
    const { words, doubles } = this.memory;
    if (words[ARENA.directory] === 0) return 0;
    // A pool that is unlinked meanwhile may lead into another bucket, but never out of the pools; the changed version
    // ends the walk.
    let pool = words[this.bucketOf(key)] ?? 0;
    while (pool !== 0 && doubles[(pool + POOL.key) >> 1] !== key) {
      if (Atomics.load(words, ARENA.directoryVersion) !== version) return 0;
      pool = words[pool + POOL.nextInBucket] ?? 0;
    }
    return pool;
  }

  private bucketOf(key: number): number {
    const { words } = this.memory;
    return words[ARENA.directory]! + (key & words[ARENA.directoryMask]!);
  }

  private link(pool: number, key: number): void {
    const { words } = this.memory;
    const bucket = this.bucketOf(key);
    words[pool + POOL.nextInBucket] = words[bucket]!;
    words[bucket] = pool;
  }

  /** The old table is left unused: all old tables together are smaller than the present one. */
  private grow(): void {
    const old = this.memory.words[ARENA.directory]!;
    const buckets = old === 0 ? 0 : this.memory.words[ARENA.directoryMask]! + 1;
    const table = this.memory.allocate(Math.max(FIRST_BUCKETS, 2 * buckets));
    const { words, doubles } = this.memory;
    words[ARENA.directory] = table;
    words[ARENA.directoryMask] = Math.max(FIRST_BUCKETS, 2 * buckets) - 1;
    for (let bucket = old; bucket < old + buckets; bucket++) {
      for (let pool = words[bucket]!; pool !== 0; ) {
        const next = words[pool + POOL.nextInBucket]!;
        this.link(pool, doubles[(pool + POOL.key) >> 1]!);
        pool = next;
      }
    }
  }

  private change(make: () => void): void {
    const before = Atomics.add(this.memory.words, ARENA.directoryVersion, 1);
    try {
      make();
    } finally {
      Atomics.store(this.memory.words, ARENA.directoryVersion, (before + 2) | 0);
      Atomics.notify(this.memory.words, ARENA.directoryVersion);
    }
  }
}
