/** One pool: what is recorded, and the same traffic simulated with something changed, stretch by stretch. */
import { keyOf } from '../../../actors/index.ts';
import { type JournalReader, renderTime, type TimeRange } from '../../../eventlog/index.ts';
import { positionAt } from '../moment.ts';
import type { Room } from '../room.ts';
import { type Alteration, addedId } from './alteration.ts';
import { EarlierLeases } from './earlier-leases.ts';
import { PoolStates, poolVersionAt } from './pool-states.ts';
import { tallyRecorded } from './recorded-tally.ts';
import { ServiceTimes } from './service-times.ts';
import { SimulatedPool } from './simulated-pool.ts';
import { type Stretch, Stretches } from './stretches.ts';
import { type Sums, Tally } from './tally.ts';

export type NamedLoad = {
  readonly backend: string;
  readonly leases: number;
  readonly failed: number;
  readonly busyMs: number;
  /** On average over the time that is looked at. */
  readonly inFlight: number;
  readonly peakInFlight: number;
};

export type Side = Omit<Sums, 'backends'> & { readonly backends: readonly NamedLoad[] };

export type PoolWhatIf = {
  readonly pool: string;
  readonly from: string;
  readonly to: string;
  readonly recorded: Side;
  readonly simulated: Side;
  /** When the simulation first differed from the record. */
  readonly differsFrom: string | null;
  /** Simulated leases whose duration and end are assumed. */
  readonly assumed: number;
  /** Operations that the journal has without what led to them. */
  readonly skipped: number;
};

export class PoolLook {
  readonly #pool: string;
  readonly #alteration: Alteration;
  readonly #room: Room;
  readonly #stretches: Stretches;
  readonly #recorded = new Tally();
  readonly #simulated = new Tally();
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = 0;
  #lookedAtMs = 0;
  #differsFromMs = Number.POSITIVE_INFINITY;
  #assumed = 0;
  #requests = 0;

  constructor(pool: string, alteration: Alteration, range: TimeRange, room: Room) {
    this.#pool = pool;
    this.#alteration = alteration;
    this.#room = room;
    this.#stretches = new Stretches(room.journal(), keyOf(pool), range);
  }

  /** Yields the number of requests done. */
  async *all(): AsyncGenerator<number> {
    for (const stretch of this.#stretches.all()) {
      if (stretch !== undefined) yield* this.#simulate(stretch);
      yield this.#requests;
      await this.#room.breathe();
    }
  }

  /** Undefined: nothing is recorded of it. */
  found(): PoolWhatIf | undefined {
    if (this.#toMs === 0) return undefined;
    const named = (key: number) => nameOf(this.#room.journal(), key);
    return {
      pool: this.#pool,
      from: renderTime(this.#fromMs),
      to: renderTime(this.#toMs),
      recorded: sideOf(this.#recorded.sums(), this.#lookedAtMs, named),
      simulated: sideOf(this.#simulated.sums(), this.#lookedAtMs, named),
      differsFrom: this.#differsFromMs === Number.POSITIVE_INFINITY ? null : renderTime(this.#differsFromMs),
      assumed: this.#assumed,
      skipped: this.#stretches.skipped,
    };
  }

  /** The version in force at the beginning: events are recorded a moment before they are in force. */
  #versionAt({ recording, from, fromMs }: Stretch): number {
    const { log } = this.#room;
    const position = positionAt(log, { type: 'time', ms: fromMs }, 'from');
    const atTime = poolVersionAt(log, this.#pool, position);
    const first = recording.outside.find((each) => each.type === 'defined')?.version;
    if (first === undefined) return atTime;
    return from === undefined ? first : Math.min(atTime, first - 1);
  }

  async *#simulate(stretch: Stretch): AsyncGenerator<number> {
    const { recording, from, fromMs } = stretch;
    const { log } = this.#room;
    const pool = this.#pool;
    const states = new PoolStates(log, pool, this.#alteration, this.#versionAt(stretch));
    const services = new ServiceTimes(recording.asks);
    const earlier = new EarlierLeases(recording.rows, fromMs, this.#simulated);
    const simulation = new SimulatedPool({
      pool,
      recording,
      from,
      states,
      services,
      tally: this.#simulated,
      earlier,
    });
    tallyRecorded(recording, fromMs, this.#recorded);
    for await (const through of simulation.run()) {
      yield this.#requests + through;
      await this.#room.breathe();
    }
    this.#requests += recording.asks.length;
    this.#differsFromMs = Math.min(this.#differsFromMs, simulation.differsFromMs ?? Number.POSITIVE_INFINITY);
    this.#assumed += simulation.assumed;
    this.#fromMs = Math.min(this.#fromMs, fromMs);
    this.#toMs = Math.max(this.#toMs, recording.atMs);
    this.#lookedAtMs += recording.atMs - fromMs;
  }
}

function sideOf({ backends, ...sums }: Sums, lookedAtMs: number, nameOf: (key: number) => string): Side {
  const named = [...backends].map(([key, load]) => ({
    backend: nameOf(key),
    ...load,
    inFlight: lookedAtMs === 0 ? 0 : load.busyMs / lookedAtMs,
  }));
  return { ...sums, backends: named.toSorted((a, b) => (a.backend < b.backend ? -1 : 1)) };
}

// Backends added with `--backends` are in no journal.
const MOST_ADDED = 2000;

function nameOf(journal: JournalReader, key: number): string {
  const known = journal.nameOf(key);
  if (known !== undefined) return known;
  for (let number = 1; number <= MOST_ADDED; number++)
    if (keyOf(addedId(number)) === key) return addedId(number);
  return `backend ${key}`;
}
