/** Everything in force, read once, and from then on brought up to date by what was recorded since. */
import type { DomainState, PoolState } from '../../actors/index.ts';
import {
  type Current,
  type DomainName,
  kindOf,
  ownerNameOf,
  type PoolName,
  type Position,
  type SparseDomain,
  type StreamName,
} from '../../eventlog/index.ts';
import { routedPool } from '../admin/routing-of.ts';
import type { RoutedPool, Routing } from '../config/index.ts';
import type { Room } from './room.ts';

const PAGE = 1000;
// Pools may be large, as they are where few have thousands of backends.
const CHARACTERS = 1_048_576;

export class InForce {
  readonly #room: Room;
  readonly #pools = new Map<PoolName, RoutedPool>();
  readonly #domains = new Map<DomainName, SparseDomain>();
  /** Whatever was recorded up to here is in it; -1: nothing was read yet. */
  #position: Position = -1;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Of this very position where nothing was recorded meanwhile; else some of it may be later. */
  async now(): Promise<{ readonly position: Position; readonly routing: Routing }> {
    const position = this.#room.log.position();
    if (this.#position < 0) await this.#readAll();
    else await this.#readSince(this.#position, position);
    this.#position = position;
    return { position, routing: { pools: this.#pools, domains: this.#domains } };
  }

  async #readAll(): Promise<void> {
    const { log, breathe } = this.#room;
    for (const kind of ['pool', 'domain'] as const) {
      for (let after = ''; ; await breathe()) {
        const page = log.currents({ kind, after, limit: PAGE, characters: CHARACTERS });
        if (page.length === 0) break;
        this.#take(page);
        after = page.at(-1)!.stream;
      }
    }
  }

  async #readSince(before: Position, to: Position): Promise<void> {
    const { log, breathe } = this.#room;
    for (let from = before + 1; from <= to; await breathe()) {
      const page = log.streamsAt(from, Math.min(PAGE, to - from + 1));
      if (page.length === 0) return;
      this.#take(log.statesOf([...new Set(page)] as StreamName[]));
      from += page.length;
    }
  }

  #take(owners: readonly Current[]): void {
    for (const { stream, state } of owners) {
      if (kindOf(stream) === 'pool') put(this.#pools, ownerNameOf(stream) as PoolName, poolIn(state));
      else put(this.#domains, ownerNameOf(stream) as DomainName, (state as DomainState)?.settings);
    }
  }
}

function poolIn(state: unknown): RoutedPool | undefined {
  const pool = state as PoolState;
  return pool === null ? undefined : routedPool(pool);
}

/** Undefined: there is none any more. */
function put<Name, T>(known: Map<Name, T>, name: Name, is: T | undefined): void {
  if (is === undefined) known.delete(name);
  else known.set(name, is);
}
