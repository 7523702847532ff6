/** The ledger of one thread: the pools it has used, and its mailbox. */

import type { Ledger, PoolLedger, Ring, RowWatcher } from './ledger.ts';
import { type LedgerTools, ledgerTools } from './ledger-tools.ts';
import { PHASE, POOL } from './memory/layout.ts';
import type { Section } from './memory/section.ts';
import { SharedPool } from './shared-pool.ts';

// Takes microseconds; a hundred thousand pools are all looked at within half a minute.
const LOOKS = 5000;

export class ThreadLedger implements Ledger {
  protected readonly tools: LedgerTools;
  protected readonly pools = new Map<number, SharedPool>();
  private looking: Iterator<SharedPool> | undefined;

  constructor(section: Section, ring: Ring) {
    this.tools = ledgerTools(section, ring);
  }

  get thread(): number {
    return this.tools.section.thread;
  }

  pool(key: number): PoolLedger | undefined {
    const pool = this.pools.get(key) ?? this.look(key);
    if (pool === undefined || this.isLive(pool)) return pool;
    this.pools.delete(key);
    const again = this.look(key);
    return again !== undefined && this.isLive(again) ? again : undefined;
  }

  forget(key: number): void {
    this.pools.delete(key);
  }

  forgetGone(): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      this.looking ??= this.pools.values();
      const next = this.looking.next();
      if (next.done === true) {
        this.looking = undefined;
        return;
      }
      if (!this.isLive(next.value)) this.pools.delete(next.value.key);
    }
  }

  watchRows(watcher: RowWatcher): void {
    this.tools.mailbox.watcher = watcher;
  }

  deliver(): void {
    this.tools.mailbox.deliver();
  }

  protected view(key: number, block: number): SharedPool {
    return new SharedPool(this.tools, key, block);
  }

  private look(key: number): SharedPool | undefined {
    const block = this.tools.directory.find(key);
    if (block === 0) return undefined;
    const pool = this.view(key, block);
    this.pools.set(key, pool);
    return pool;
  }

  /** Read without the lock: whoever uses the pool checks again under it. */
  private isLive(pool: SharedPool): boolean {
    const { words, doubles } = this.tools.section;
    return (
      words[pool.block + POOL.phase] === PHASE.live && doubles[(pool.block + POOL.key) >> 1] === pool.key
    );
  }
}
