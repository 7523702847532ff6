/** A pool's settings from version to version, as they were and as they would have been. */
import { evolveOwner, type PoolState } from '../../../actors/index.ts';
import type { LogInspection, LogReader, StreamName } from '../../../eventlog/index.ts';
import { ownerAt, versionAt } from '../state/owner-at.ts';
import { type Alteration, altered } from './alteration.ts';

type Log = LogReader & LogInspection;

const PAGE = 1000;

/** The version of a pool's stream at a position of the log. */
export function poolVersionAt(log: Log, pool: string, position: number): number {
  return versionAt(log, poolStream(pool), position);
}

function poolStream(pool: string): StreamName {
  return `pool-${pool}` as StreamName;
}

export class PoolStates {
  readonly #log: Log;
  readonly #pool: string;
  readonly #stream: StreamName;
  readonly #alteration: Alteration;
  readonly #without: ReadonlySet<number>;
  #version: number;
  #recorded: unknown;
  /** The state without the events that are taken not to have happened. */
  #other: unknown;

  /** Begins at this version of the stream; 0: before its first event. */
  constructor(log: Log, pool: string, alteration: Alteration, version: number) {
    this.#log = log;
    this.#pool = pool;
    this.#stream = poolStream(pool);
    this.#alteration = alteration;
    this.#without = new Set(alteration.without);
    const position = version === 0 ? 0 : log.positionOf(this.#stream, version);
    const from = ownerAt(
      log,
      this.#stream,
      Math.min(position, ...[...this.#without].map((each) => each - 1)),
    );
    this.#version = from.version;
    this.#recorded = from.state;
    this.#other = from.state;
    this.#upTo(version);
  }

  /** The version may only grow. */
  at(version: number): { readonly recorded: PoolState; readonly simulated: PoolState } {
    this.#upTo(version);
    return {
      recorded: this.#recorded as PoolState,
      simulated: altered(this.#pool, this.#other as PoolState, this.#alteration),
    };
  }

  get version(): number {
    return this.#version;
  }

  #upTo(version: number): void {
    while (this.#version < version) {
      const range = { from: this.#version + 1, to: version, limit: PAGE };
      const events = this.#log.readStream(this.#stream, range);
      if (events.length === 0) return;
      for (const event of events) {
        const isSame = this.#recorded === this.#other;
        this.#recorded = evolveOwner(this.#stream, this.#recorded, event);
        if (this.#without.has(event.position)) continue;
        this.#other = isSame ? this.#recorded : evolveOwner(this.#stream, this.#other, event);
      }
      this.#version += events.length;
    }
  }
}
