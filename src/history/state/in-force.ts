/**
 * Everything in force, read once and kept up to date from then on. Settings equal to the wish's share its objects: of
 * very many, nearly all are held once, and found equal at a glance.
 */
import type { DomainState, PoolState } from '../../../actors/index.ts';
import {
  type Current,
  type DomainName,
  kindOf,
  ownerNameOf,
  type PoolName,
  type Position,
  type SparseDomain,
  type StreamName,
} from '../../../eventlog/index.ts';
import { isSame, isSamePool, type RoutedPool, type Routing } from '../../config/index.ts';
import { routedPool } from '../../plan/index.ts';
import type { Room } from '../room.ts';

const PAGE = 1000;
// A single pool may be large, with thousands of backends.
const CHARACTERS = 1_048_576;

export class InForce {
  readonly #room: Room;
  readonly #wished: Routing;
  readonly #pools = new Map<PoolName, RoutedPool>();
  readonly #domains = new Map<DomainName, SparseDomain>();
  /** All events up to here are included; -1: nothing was read yet. */
  #position: Position = -1;

  constructor(room: Room, wished: Routing) {
    this.#room = room;
    this.#wished = wished;
  }

  /** Exactly at this position if nothing was recorded meanwhile; otherwise parts may be later. */
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
    const { pools, domains } = this.#wished;
    for (const { stream, state } of owners) {
      const name = ownerNameOf(stream);
      if (kindOf(stream) === 'pool') put(this.#pools, name as PoolName, poolIn(state), pools, isSamePool);
      else put(this.#domains, name as DomainName, (state as DomainState)?.settings, domains, isSame);
    }
  }
}

function poolIn(state: unknown): RoutedPool | undefined {
  const pool = state as PoolState;
  return pool === null ? undefined : routedPool(pool);
}

/** `is` undefined: it no longer exists. */
function put<Name, T>(
  known: Map<Name, T>,
  name: Name,
  is: T | undefined,
  wished: ReadonlyMap<Name, T>,
  areSame: (one: T, other: T) => boolean,
): void {
  const wish = wished.get(name);
  if (is === undefined) known.delete(name);
  else known.set(name, wish !== undefined && areSame(is, wish) ? wish : is);
}
