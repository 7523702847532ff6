/** The record of one pool in ticket order, as asks and as what happened to the pool from outside. */
import type { LeaseEnd, LeaseName, LedgerRecord, PoolCheckpoint } from '../../../actors/index.ts';
import { Ask, type Place } from './ask.ts';
import { Attempts } from './attempts.ts';

/** What happened to a pool, regardless of its ledger's decisions. */
export type Outside =
  /** This version of its owner's state came into force; `seed` is set if the ledger was made with it. */
  | {
      readonly type: 'defined';
      readonly place: Place;
      version: number | undefined;
      readonly seed: number | undefined;
      phases: 'both' | 'restrict' | 'widen';
      /** Keys of the backends whose rows were written with it, in that order, which is the order of new rows. */
      readonly rows: number[];
    }
  | { readonly type: 'dropped'; readonly place: Place; readonly version: number }
  | {
      readonly type: 'quarantined';
      readonly place: Place;
      readonly thread: number;
      readonly backendKey: number;
      readonly untilMs: number;
    }
  | { readonly type: 'expired'; readonly place: Place; readonly thread: number }
  | {
      readonly type: 'probed';
      readonly place: Place;
      readonly thread: number;
      readonly backendKey: number;
      readonly failing: boolean;
    }
  | { readonly type: 'reaped'; readonly place: Place; readonly dead: number }
  /** A lease from before the beginning was given back. */
  | {
      readonly type: 'returned';
      readonly place: Place;
      readonly thread: number;
      readonly lease: LeaseName;
      readonly end: LeaseEnd;
      readonly latencyMs: number;
    };

type Defined = Extract<Outside, { type: 'defined' }>;
const OF_MEMBERSHIP: ReadonlySet<LedgerRecord['op']> = new Set(['start', 'settings', 'row', 'health']);
const BESIDE_MEMBERSHIP: ReadonlySet<LedgerRecord['op']> = new Set([
  'eject',
  'probe',
  'quarantine',
  'release',
  'grant',
]);

export class Recording {
  readonly asks: Ask[] = [];
  readonly outside: Outside[] = [];
  readonly #attempts = new Attempts();
  readonly #waiters = new Map<number, Ask>();
  readonly #lent = new Map<number, Ask>();
  #atMs = 0;
  #rows: PoolCheckpoint['rows'] = [];
  /** The change of membership that was recorded last, and the last ticket of its records. */
  #membership: { event: Defined; ticket: number; nowMs: number } | undefined;

  /** The time of the last record. */
  get atMs(): number {
    return this.#atMs;
  }

  /** Its backends at the beginning, with what was in flight. */
  get rows(): PoolCheckpoint['rows'] {
    return this.#rows;
  }

  /** Returns the requests that waited at the beginning, in the order of their tickets. */
  begin(atMs: number, { waiters, rows }: Pick<PoolCheckpoint, 'waiters' | 'rows'>): readonly Ask[] {
    this.#atMs = atMs;
    this.#rows = rows;
    const begun = waiters.map(({ ticket, ...asked }) => {
      const ask = new Ask({ atMs, ticket, nowMs: atMs }, asked);
      ask.isQueued = true;
      this.#waiters.set(ticket, ask);
      return ask;
    });
    this.asks.push(...begun);
    return begun;
  }

  take(record: LedgerRecord): void {
    this.#atMs = Math.max(this.#atMs, record.nowMs);
    const place = { atMs: this.#atMs, ticket: record.ticket, nowMs: record.nowMs };
    if (this.#isMembership(record, place)) return;
    const { thread } = record;
    switch (record.op) {
      case 'checkout':
      case 'enqueue':
      case 'refuse':
        this.#asked(record, place);
        return;
      case 'grant':
        this.#granted(record, place);
        return;
      case 'checkin':
        this.#returned(record, place);
        return;
      case 'leave':
        this.#left(record, place);
        return;
      case 'drop':
        for (const ask of this.#waiters.values()) ask.refusal = 'no_backends';
        this.#waiters.clear();
        this.outside.push({ type: 'dropped', place, version: record.position });
        return;
      case 'quarantine': {
        const { backendKey, untilMs } = record;
        this.outside.push({ type: 'quarantined', place, thread, backendKey, untilMs });
        return;
      }
      case 'expire':
      case 'trial':
        this.outside.push({ type: 'expired', place, thread });
        return;
      case 'probe': {
        const { backendKey, failing } = record;
        this.outside.push({ type: 'probed', place, thread, backendKey, failing });
        return;
      }
      case 'reap':
        this.#reaped(record.dead, place);
        this.outside.push({ type: 'reaped', place, dead: record.dead });
        return;
    }
  }

  #asked(record: Extract<LedgerRecord, { op: 'checkout' | 'enqueue' | 'refuse' }>, place: Place): void {
    const { thread, tried, hash, route, wanted } = record;
    const ask = new Ask(place, { thread, tried, hash, route, wanted });
    this.asks.push(ask);
    this.#attempts.follow(ask);
    if (record.op === 'checkout') this.#lend(ask, place, record.backendKey);
    else if (record.op === 'refuse') ask.refusal = record.refusal;
    else {
      ask.isQueued = true;
      this.#waiters.set(record.ticket, ask);
    }
  }

  #lend(ask: Ask, place: Place, backendKey: number): void {
    ask.lent = { place, backendKey };
    this.#lent.set(place.ticket, ask);
    this.#attempts.lent(ask, backendKey);
  }

  #granted({ waiter, backendKey }: Extract<LedgerRecord, { op: 'grant' }>, place: Place): void {
    const ask = this.#waiters.get(waiter);
    this.#waiters.delete(waiter);
    if (ask !== undefined) this.#lend(ask, place, backendKey);
  }

  #returned(record: Extract<LedgerRecord, { op: 'checkin' }>, place: Place): void {
    const { lease: ticket, end, latencyMs, thread, row, backendKey, epoch, route } = record;
    const ask = this.#lent.get(ticket);
    this.#lent.delete(ticket);
    if (ask !== undefined) {
      ask.back = { place, end, latencyMs };
      return;
    }
    const lease = { row, backendKey, epoch, ticket, route };
    this.outside.push({ type: 'returned', place, thread, lease, end, latencyMs });
  }

  #left({ waiter, wait }: Extract<LedgerRecord, { op: 'leave' }>, place: Place): void {
    const ask = this.#waiters.get(waiter);
    this.#waiters.delete(waiter);
    if (ask !== undefined) ask.left = { place, why: wait };
  }

  #reaped(dead: number, place: Place): void {
    this.#attempts.forget(dead);
    for (const held of [this.#lent, this.#waiters])
      for (const [ticket, ask] of held) {
        if (ask.asked.thread !== dead) continue;
        ask.lost = place;
        held.delete(ticket);
      }
  }

  /** What the main thread writes under one lock is one change; a change takes the lock once or twice. */
  #isMembership(record: LedgerRecord, place: Place): boolean {
    const last = this.#membership;
    const version = 'position' in record ? record.position : undefined;
    const isSame =
      last !== undefined &&
      last.nowMs === record.nowMs &&
      (version === undefined || last.event.version === undefined || version === last.event.version);
    const isOnward = isSame && last.ticket === record.ticket - 1 && record.thread === 0;
    const isOf = OF_MEMBERSHIP.has(record.op) && record.thread === 0;
    if (isOnward && (isOf || BESIDE_MEMBERSHIP.has(record.op))) {
      last.ticket = record.ticket;
      last.event.version ??= version;
      if (record.op === 'row') last.event.rows.push(record.backendKey);
      // A probe result of the same moment may also come from outside; applying it twice changes nothing.
      return record.op !== 'grant' && record.op !== 'probe';
    }
    if (!isOf) return false;
    const seed = record.op === 'start' ? record.seed : undefined;
    const isSecond = isSame && last.event.phases === 'both' && seed === undefined;
    if (isSecond) last.event.phases = 'restrict';
    const event: Defined = {
      type: 'defined',
      place,
      version: version ?? (isSecond ? last.event.version : undefined),
      seed,
      phases: isSecond ? 'widen' : 'both',
      rows: record.op === 'row' ? [record.backendKey] : [],
    };
    this.outside.push(event);
    this.#membership = { event, ticket: record.ticket, nowMs: record.nowMs };
    return true;
  }
}
