/** A ledger for simulations: within one thread, it plays the parts of all threads of a recorded one. */

import type { RowDefinition } from '../definition.ts';
import { OpenLease } from '../lease.ts';
import type { Lease, Ledger, PoolLedger, Waiter } from '../ledger.ts';
import { MainThreadLedger } from '../main-ledger.ts';
import { CLOSED, POOL, ROW } from '../memory/layout.ts';
import { createBuffer, THREADS_MAX } from '../memory/memory.ts';
import { Section } from '../memory/section.ts';
import { type PoolCheckpoint, unpackCheckpoint } from '../record/checkpoint.ts';
import type { SharedPool } from '../shared-pool.ts';
import { ThreadLedger } from '../thread-ledger.ts';
import { restoreCourse, restoreHealth, restoreRow, restoreSettings } from './restore-state.ts';

// 64 MiB of addresses: enough for one pool with the most backends allowed.
const RESERVE_BYTES = 2 ** 26;
const NO_LIMIT_TO_WAITING = 2 ** 31 - 1;

/** What names a lease in the records. */
export type LeaseName = Pick<Lease, 'backendKey' | 'epoch' | 'ticket' | 'route'> & { readonly row: number };

type Past = {
  /** A checkpoint. */
  readonly state: Uint8Array;
  readonly ticket: number;
  readonly backends: readonly RowDefinition[];
};

export class VirtualLedger extends MainThreadLedger {
  readonly #threads = new Map<number, Ledger>();

  constructor() {
    const ring = (thread: number) => this.ofThread(thread).deliver();
    const buffer = createBuffer({
      threads: THREADS_MAX,
      ring,
      record: false,
      claims: false,
      reserveBytes: RESERVE_BYTES,
    });
    super(new Section(buffer, 0), ring);
  }

  /** The part of the thread with this number. */
  ofThread(thread: number): Ledger {
    if (thread === 0) return this;
    const known = this.#threads.get(thread);
    if (known !== undefined) return known;
    this.enlisted[thread] = true;
    const part = new ThreadLedger(new Section(this.shared.buffer, thread), (other) =>
      this.ofThread(other).deliver(),
    );
    this.#threads.set(thread, part);
    return part;
  }

  override async reap(thread: number, nowMs: number): Promise<void> {
    this.ofThread(thread);
    await super.reap(thread, nowMs);
    this.#threads.delete(thread);
  }

  /** A lease that was granted before the ledger was restored. */
  leaseOf(poolKey: number, { row, backendKey, epoch, ticket, route }: LeaseName): Lease | undefined {
    const pool = this.defined.get(poolKey);
    if (pool === undefined || row >= pool.field.rows) return undefined;
    const at = pool.field.placeOf(row);
    const { words } = this.tools.section;
    if (pool.field.key(row) !== backendKey || words[at + ROW.epoch] !== epoch) return undefined;
    if ((words[at + ROW.closed]! & CLOSED.empty) !== 0) return undefined;
    return new OpenLease(poolKey, backendKey, epoch, ticket, at, route);
  }

  /**
   * Restores a pool as it was after a ticket. `backends`: as their owner had them then, since a checkpoint does not tell
   * where they are, and one that has moved starts afresh. `waiter` returns the waiter for each queued request, named by
   * its ticket.
   */
  async restore(
    poolKey: number,
    { state, ticket, backends }: Past,
    waiter: (asked: PoolCheckpoint['waiters'][number]) => Waiter,
  ): Promise<PoolCheckpoint> {
    const checkpoint = unpackCheckpoint(state);
    await this.#begin(poolKey, checkpoint);
    const pool = this.pools.get(poolKey) as SharedPool;
    const { section } = this.tools;
    const places = new Map(backends.map(({ backendKey, place }) => [backendKey, place]));
    for (const row of checkpoint.rows) {
      restoreRow(section, pool, row);
      section.doubles[(pool.field.placeOf(row.row) + ROW.place) >> 1] = places.get(row.backendKey) ?? 0;
    }
    restoreHealth(section, pool, checkpoint.health);
    // Nothing is open to those that waited, so they wait again.
    section.words[pool.block + POOL.widening] = 1;
    for (const asked of checkpoint.waiters) {
      const { thread, tried, hash, route, wanted } = asked;
      const part = this.ofThread(thread).pool(poolKey) as PoolLedger;
      part.checkout(0, tried, waiter(asked), hash, route, wanted);
    }
    restoreSettings(section, pool.block, checkpoint);
    restoreCourse(section, pool.block, checkpoint, ticket);
    return checkpoint;
  }

  /** Makes all rows, including the empty ones in between. */
  async #begin(poolKey: number, { rows }: PoolCheckpoint): Promise<void> {
    const held = new Set(rows.map(({ row }) => row));
    const count = Math.max(0, ...rows.map(({ row }) => row + 1));
    const definition = {
      policy: 'least-request',
      maxWaiting: NO_LIMIT_TO_WAITING,
      whenEmpty: 'hold',
      seed: 1,
    } as const;
    const placed = Array.from({ length: count }, (_, row) => {
      return { backendKey: row + 1, limit: 0, weight: 1, state: 'draining', quarantineUntilMs: 0 } as const;
    });
    await this.define(poolKey, definition, placed, 'widen', { position: 0, nowMs: 0 });
    const pool = this.pools.get(poolKey) as SharedPool;
    for (let row = 0; row < count; row++)
      if (!held.has(row)) this.tools.section.words[pool.field.placeOf(row) + ROW.closed] = CLOSED.empty;
  }
}
