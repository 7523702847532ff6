/**
 * Makes pools and their rows what their owners say, in ticketed steps under one lock. Main thread only. It writes only
 * what differs, so it may be repeated at will.
 */
import { policyCode } from '../policy/policies.ts';
import type { Row } from '../policy/policy.ts';
import { connectionsOf, revokeExcess } from './claims.ts';
import type { Change, PoolDefinition, RowDefinition } from './definition.ts';
import { judgeBy, recall, relieve, UNJUDGED } from './health-terms.ts';
import type { LedgerTools } from './ledger-tools.ts';
import { CLOSED, NO_LIMIT, NODE_STATE, PHASE, POOL, ROW, UNHEALTHY } from './memory/layout.ts';
import type { PoolMemory } from './memory/pool-memory.ts';
import { unlink } from './memory/queue.ts';
import type { PoolView } from './pool-view.ts';
import { OP } from './record/record-layout.ts';
import type { Rows } from './rows.ts';
import type { Vacancies } from './vacancies.ts';

const WANTED = CLOSED.draining | CLOSED.starting;

export class Membership {
  private readonly tools: LedgerTools;
  private readonly memory: PoolMemory;
  private readonly rows: Rows;
  // A pool gets tickets above those of all pools that were released before, so if it is defined again, no two of its
  // records share one.
  private lastTicket = 0;

  constructor(tools: LedgerTools, memory: PoolMemory, rows: Rows) {
    this.tools = tools;
    this.memory = memory;
    this.rows = rows;
  }

  /** A new pool without rows. Nobody knows it yet, and this thread holds its lock. */
  begin(key: number, definition: PoolDefinition, change: Change): number {
    const { section, recorder } = this.tools;
    const block = this.memory.nextBlock();
    section.enter(block);
    this.memory.takeBlock();
    const { words, doubles } = section;
    const layout = words[block + POOL.layout]!;
    words.fill(0, block + POOL.layout, block + POOL.words);
    words[block + POOL.layout] = (layout + 1) | 0;
    words[block + POOL.phase] = PHASE.live;
    words[block + POOL.policy] = policyCode(definition.policy);
    words[block + POOL.maxWaiting] = definition.maxWaiting;
    words[block + POOL.hold] = definition.whenEmpty === 'hold' ? 1 : 0;
    words[block + POOL.chance] = definition.seed | 0;
    doubles[(block + POOL.key) >> 1] = key;
    doubles[(block + POOL.ticket) >> 1] = this.lastTicket;
    recorder.settings(
      OP.start,
      block,
      recorder.ticket(block),
      change.nowMs,
      change.position,
      definition.seed | 0,
    );
    section.commit();
    return block;
  }

  restrict(pool: PoolView, definition: PoolDefinition, rows: readonly RowDefinition[], change: Change): void {
    const wanted = byKey(rows);
    const words = this.tools.section.words;
    const maxWaiting = Math.min(words[pool.block + POOL.maxWaiting]!, definition.maxWaiting);
    const known = this.rows.byKey(pool);
    const widening = rows.some((row) => row.state === 'up' && !this.isUp(pool, known.get(row.backendKey)))
      ? 1
      : 0;
    this.putSettings(
      pool,
      words[pool.block + POOL.policy]!,
      maxWaiting,
      words[pool.block + POOL.hold]!,
      widening,
      change,
    );
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      const closed = words[at + ROW.closed]!;
      if ((closed & CLOSED.empty) !== 0) continue;
      const target = wanted.get(this.rows.keyAt(at));
      if (target === undefined) {
        this.rows.remove(pool, at, change);
      } else if ((closed & CLOSED.removed) === 0) {
        const limit = Math.min(words[at + ROW.limit]!, limitOf(target));
        this.rows.write(pool, at, limit, words[at + ROW.weight]!, closed | closedOf(target), change);
        pool.quarantineAt(at, change.nowMs, target.quarantineUntilMs);
      }
    }
    this.revoke(pool);
    relieve(this.tools, pool, change);
    // Backends that were relieved have room, and waiters whose home is gone may have any other backend.
    pool.serve(change.nowMs, Number.POSITIVE_INFINITY);
  }

  widen(
    pool: PoolView,
    definition: PoolDefinition,
    rows: readonly RowDefinition[],
    chunks: readonly number[],
    change: Change,
  ): void {
    const { section } = this.tools;
    const wanted = byKey(rows);
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      if ((section.words[at + ROW.closed]! & CLOSED.empty) === 0 && !wanted.has(this.rows.keyAt(at))) {
        this.rows.remove(pool, at, change);
      }
    }
    judgeBy(this.tools, pool, definition.health ?? UNJUDGED, change);
    this.rows.append(pool, chunks);
    const known = this.rows.byKey(pool);
    const vacancies = this.rows.vacancies(pool);
    for (const target of rows) this.admit(pool, vacancies, known.get(target.backendKey), target, change);
    this.rows.trim(pool);
    relieve(this.tools, pool, change);
    if (section.words[pool.block + POOL.phase] === PHASE.dropped) {
      section.set(pool.block + POOL.phase, PHASE.live);
      section.commit();
    }
    const hold = definition.whenEmpty === 'hold' ? 1 : 0;
    this.putSettings(pool, policyCode(definition.policy), definition.maxWaiting, hold, 0, change);
    pool.serve(change.nowMs, Number.POSITIVE_INFINITY);
  }

  /** From now on nobody is given a row, and all waiters are refused. */
  drop(pool: PoolView, change: Change): void {
    const { section, recorder, mailbox } = this.tools;
    section.set(pool.block + POOL.phase, PHASE.dropped);
    section.set(pool.block + POOL.widening, 0);
    recorder.pool(OP.drop, pool.block, recorder.ticket(pool.block), change.nowMs, change.position, 0);
    section.commit();
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      const closed = section.words[at + ROW.closed]!;
      if ((closed & CLOSED.empty) !== 0) continue;
      const idle = section.words[at + ROW.inFlight] === 0;
      section.set(at + ROW.closed, idle ? CLOSED.empty : closed | CLOSED.removed);
      section.commit();
    }
    this.revoke(pool);
    for (;;) {
      const node = section.words[pool.block + POOL.firstWaiter]!;
      if (node === 0) return;
      unlink(section, pool.block, node, NODE_STATE.refused);
      section.commit();
      mailbox.post(node);
    }
  }

  /** Revokes idle connections to backends that are out, or above a lowered limit. */
  private revoke(pool: PoolView): void {
    for (let row = 0; row < pool.field.rows; row++) revokeExcess(this.tools, pool.field.placeOf(row));
  }

  /** Whether no lease is out, no connection is open, nobody waits, and no quarantine would be forgotten. */
  rests(pool: PoolView, nowMs: number): boolean {
    const { words } = this.tools.section;
    if (words[pool.block + POOL.firstWaiter] !== 0 || pool.nextExpiryMs() > nowMs) return false;
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      if (words[at + ROW.inFlight] !== 0 || connectionsOf(this.tools.section, at) !== 0) return false;
    }
    return true;
  }

  /** If a dropped pool is idle, gives its rows back; false: it is not. */
  release(pool: PoolView): boolean {
    const { words, doubles } = this.tools.section;
    if (words[pool.block + POOL.phase] !== PHASE.dropped) return false;
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      if (words[at + ROW.inFlight] !== 0 || connectionsOf(this.tools.section, at) !== 0) return false;
    }
    this.lastTicket = Math.max(this.lastTicket, doubles[(pool.block + POOL.ticket) >> 1]!);
    this.tools.directory.remove(pool.block, pool.key);
    this.memory.clear(pool.block);
    return true;
  }

  private putSettings(
    pool: PoolView,
    policy: number,
    maxWaiting: number,
    hold: number,
    widening: number,
    change: Change,
  ): void {
    const { section, recorder } = this.tools;
    const { words } = section;
    const { block } = pool;
    if (
      words[block + POOL.policy] === policy &&
      words[block + POOL.maxWaiting] === maxWaiting &&
      words[block + POOL.hold] === hold &&
      words[block + POOL.widening] === widening
    ) {
      return;
    }
    section.set(block + POOL.policy, policy);
    section.set(block + POOL.maxWaiting, maxWaiting);
    section.set(block + POOL.hold, hold);
    section.set(block + POOL.widening, widening);
    recorder.settings(OP.settings, block, recorder.ticket(block), change.nowMs, change.position, 0);
    section.commit();
  }

  private admit(
    pool: PoolView,
    vacancies: Vacancies,
    known: Row | undefined,
    target: RowDefinition,
    change: Change,
  ): void {
    const isAnother = known === undefined || this.isAnother(pool, known, target);
    const row = isAnother ? this.begun(pool, vacancies, known, target, change) : known;
    const at = pool.field.placeOf(row);
    const kept = this.tools.section.words[at + ROW.closed]! & UNHEALTHY;
    this.rows.write(pool, at, limitOf(target), target.weight, kept | closedOf(target), change);
    pool.quarantineAt(at, change.nowMs, target.quarantineUntilMs);
  }

  /** Whether the row's backend is another one than `target`: it was removed, or has another address. */
  private isAnother(pool: PoolView, known: Row, target: RowDefinition): boolean {
    const { words, doubles } = this.tools.section;
    const at = pool.field.placeOf(known);
    return (
      (words[at + ROW.closed]! & CLOSED.removed) !== 0 || doubles[(at + ROW.place) >> 1] !== placeOf(target)
    );
  }

  /** Gives the backend a row in which nothing is known of it but what its owner says. */
  private begun(
    pool: PoolView,
    vacancies: Vacancies,
    known: Row | undefined,
    target: RowDefinition,
    change: Change,
  ): Row {
    const { section } = this.tools;
    if (known !== undefined) this.rows.remove(pool, pool.field.placeOf(known), change);
    const isLeased = known !== undefined && section.words[pool.field.placeOf(known) + ROW.inFlight] !== 0;
    if (known !== undefined && !isLeased) vacancies.emptied(known);
    const [limit, weight, closed] = [limitOf(target), target.weight, closedOf(target)];
    const row = isLeased
      ? known
      : this.rows.fill(pool, vacancies, target.backendKey, limit, weight, closed, change);
    if (isLeased) this.rows.revive(pool, row, limit, weight, closed, change);
    section.setDouble(pool.field.placeOf(row) + ROW.place, placeOf(target));
    section.commit();
    recall(this.tools, pool, row, target, change);
    return row;
  }

  private isUp(pool: PoolView, row: Row | undefined): boolean {
    if (row === undefined) return false;
    const closed = this.tools.section.words[pool.field.placeOf(row) + ROW.closed]!;
    return (closed & (CLOSED.removed | WANTED)) === 0;
  }
}

function byKey(rows: readonly RowDefinition[]): ReadonlyMap<number, RowDefinition> {
  return new Map(rows.map((row) => [row.backendKey, row]));
}

function placeOf({ place = 0 }: RowDefinition): number {
  return place;
}

function limitOf(row: RowDefinition): number {
  return row.limit === 0 ? NO_LIMIT : row.limit;
}

function closedOf(row: RowDefinition): number {
  if (row.state === 'draining') return CLOSED.draining;
  return row.state === 'starting' ? CLOSED.starting : 0;
}
