/**
 * A recorded pool run again under virtual time with other settings: the same asks at the same moments, in the router's
 * own ledger, queue and policies. Whatever goes as recorded takes as long as recorded, to the ticket, so a simulation
 * in which nothing is different reproduces the record. The requests themselves are in `visits.ts`.
 */
import {
  definitionOf,
  keyOf,
  type PoolLedger,
  type PoolState,
  type RowDefinition,
  rowsOf,
  VirtualLedger,
} from '../../../actors/index.ts';
import type { JournalledCheckpoint } from '../../../eventlog/index.ts';
import type { Ask } from './ask.ts';
import type { EarlierLeases } from './earlier-leases.ts';
import type { PoolStates } from './pool-states.ts';
import { RecordedTime } from './recorded-time.ts';
import type { Outside, Recording } from './recording.ts';
import type { ServiceTimes } from './service-times.ts';
import type { Tally } from './tally.ts';
import { Terms } from './terms.ts';
import { Visit } from './visit.ts';
import { Visits } from './visits.ts';

export type SimulatedPoolOptions = {
  readonly pool: string;
  readonly recording: Recording;
  /** Undefined: from the ledger's start. */
  readonly from: JournalledCheckpoint | undefined;
  readonly states: PoolStates;
  readonly services: ServiceTimes;
  readonly tally: Tally;
  readonly earlier: EarlierLeases;
};

const SEED = 1;
const PAGE = 1000;
// The simulation ends with the record: what is in progress then is unfinished on both sides.
const JUST_MS = 0.001;

export class SimulatedPool {
  readonly #key: number;
  readonly #options: SimulatedPoolOptions;
  readonly #ledger = new VirtualLedger();
  readonly #time = new RecordedTime();
  readonly #terms = new Terms();
  readonly #visits: Visits;
  /** By thread, the ledgers of leases from before the beginning: they take those back although dropped meanwhile. */
  readonly #former = new Map<number, PoolLedger>();
  #defining: Promise<void> | undefined;

  constructor(options: SimulatedPoolOptions) {
    this.#options = options;
    this.#key = keyOf(options.pool);
    const { services, tally, recording } = options;
    this.#visits = new Visits({
      key: this.#key,
      ledger: this.#ledger,
      time: this.#time,
      terms: this.#terms,
      services,
      tally,
      endMs: recording.atMs,
    });
  }

  /** When the simulation first differed from the record; undefined: it never did. */
  get differsFromMs(): number | undefined {
    return this.#time.differsFromMs;
  }

  /** Services that are assumed, and attempts that are assumed to have failed. */
  get assumed(): number {
    return this.#visits.assumed;
  }

  /** Yields the number of requests done, now and then. */
  async *run(): AsyncGenerator<number> {
    const { recording, from } = this.#options;
    if (from !== undefined) await this.#begin(from);
    for (const outside of recording.outside) this.#time.at(outside.place, 0, () => this.#happen(outside));
    const { asks } = recording;
    const arrivals = asks.filter((ask) => ask.before === undefined && !this.#isBegun(ask));
    let next = 0;
    do {
      const until = Math.min(next + PAGE, arrivals.length);
      for (; next < until; next++) this.#plan(arrivals[next] as Ask);
      await this.#pass(arrivals[next]?.place.atMs ?? recording.atMs + JUST_MS);
      yield next;
    } while (next < arrivals.length);
    this.#visits.end();
    this.#options.earlier.end(recording.atMs);
  }

  async #pass(untilMs: number): Promise<void> {
    while (this.#time.nextMs < untilMs) {
      this.#time.pass();
      if (this.#defining === undefined) continue;
      await this.#defining;
      this.#defining = undefined;
    }
  }

  #plan(ask: Ask): void {
    this.#time.at(ask.place, 0, () => this.#visits.arrive(ask));
  }

  #happen(outside: Outside): void {
    switch (outside.type) {
      case 'defined':
        this.#define(outside);
        return;
      case 'dropped':
        this.#drop(outside.version);
        return;
      case 'quarantined':
        this.#pool(outside.thread)?.quarantine(outside.backendKey, this.#time.toldMs, outside.untilMs);
        return;
      case 'expired':
        this.#pool(outside.thread)?.expire(this.#time.toldMs);
        return;
      case 'probed':
        this.#pool(outside.thread)?.probed(outside.backendKey, this.#time.toldMs, outside.failing);
        return;
      case 'reaped':
        this.#visits.lose(outside.dead);
        this.#options.earlier.lost(outside.dead, this.#time.nowMs);
        this.#defining = this.#ledger.reap(outside.dead, this.#time.toldMs);
        return;
      case 'returned':
        this.#return(outside);
        return;
    }
  }

  #return({ thread, lease, end, latencyMs }: Extract<Outside, { type: 'returned' }>): void {
    this.#options.earlier.returned(thread, lease.backendKey, this.#time.nowMs);
    const found = this.#ledger.leaseOf(this.#key, lease);
    if (found !== undefined) this.#former.get(thread)?.checkin(found, this.#time.toldMs, end, latencyMs);
  }

  #define({ version, seed, phases, rows }: Extract<Outside, { type: 'defined' }>): void {
    const { states } = this.#options;
    const state = this.#adopt(states.at(version ?? states.version));
    if (state === null) return;
    const change = { position: version ?? 0, nowMs: this.#time.toldMs };
    const definition = definitionOf(state, seed ?? SEED);
    const wanted = inOrderOf(rows, rowsOf(state, change.nowMs));
    if (phases !== 'widen')
      this.#defining = this.#ledger.define(this.#key, definition, wanted, 'restrict', change);
    if (phases !== 'restrict')
      this.#defining = this.#ledger.define(this.#key, definition, wanted, 'widen', change);
  }

  /** The pool was removed, or is put to sleep if it is idle in the simulation too. */
  #drop(version: number): void {
    const change = { position: version, nowMs: this.#time.toldMs };
    const isRemoved = this.#adopt(this.#options.states.at(version)) === null;
    this.#defining = isRemoved
      ? this.#ledger.drop(this.#key, change)
      : this.#ledger.rest(this.#key, this.#ledger.ticket(this.#key), change).then(() => undefined);
  }

  #adopt(states: ReturnType<PoolStates['at']>): PoolState {
    const state = this.#terms.adopt(states);
    if (this.#terms.isAltered) this.#time.differs();
    return state;
  }

  /** Begins at a checkpoint; changed settings apply from there on. */
  async #begin(from: JournalledCheckpoint): Promise<void> {
    const { recording, states } = this.#options;
    this.#time.begin(from.atMs);
    const begun = new Map(
      recording.asks.filter(({ place }) => place.ticket <= from.ticket).map((ask) => [ask.place.ticket, ask]),
    );
    const waiting: Visit[] = [];
    const now = states.at(states.version);
    const backends = now.recorded === null ? [] : rowsOf(now.recorded, from.atMs);
    await this.#ledger.restore(this.#key, { ...from, backends }, ({ ticket }) => {
      const visit = new Visit(this.#visits, begun.get(ticket) as Ask, from.atMs);
      waiting.push(visit);
      return visit;
    });
    for (const { inFlight } of recording.rows)
      for (const [thread] of inFlight) this.#former.set(thread, this.#pool(thread) as PoolLedger);
    for (const visit of waiting) this.#visits.resume(visit);
    const state = this.#adopt(now);
    if (state === null || !this.#terms.isAltered) return;
    const change = { position: states.version, nowMs: from.atMs };
    for (const phase of ['restrict', 'widen'] as const)
      await this.#ledger.define(
        this.#key,
        definitionOf(state, SEED),
        rowsOf(state, change.nowMs),
        phase,
        change,
      );
  }

  #isBegun({ place }: Ask): boolean {
    const { from } = this.#options;
    return from !== undefined && place.ticket <= from.ticket;
  }

  #pool(thread: number): PoolLedger | undefined {
    return this.#ledger.ofThread(thread).pool(this.#key);
  }
}

/** Orders rows as recorded: states from the log have another order. Rows that are not among the keys come last. */
function inOrderOf(keys: readonly number[], rows: readonly RowDefinition[]): readonly RowDefinition[] {
  const places = new Map(keys.map((key, place) => [key, place]));
  const placeOf = ({ backendKey }: RowDefinition) => places.get(backendKey) ?? keys.length;
  return rows.toSorted((a, b) => placeOf(a) - placeOf(b));
}
