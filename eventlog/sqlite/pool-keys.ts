/** The keys of all pools: read when a pool is first created, and from then on kept up by the events that follow. */
import type Database from 'better-sqlite3';
import type { PoolOfKey } from '../append/pool-clash.ts';
import { keyOf } from '../key.ts';
import { ownerNameOf } from '../names.ts';
import type { Position } from '../position.ts';

// An event takes about 1 µs to read, the name of a pool 0.7 µs: beyond this number, reading all names is no slower.
const MANY = 25_000;

export class PoolKeys {
  readonly #position: () => Position;
  readonly #names: Database.Statement<[], string>;
  readonly #since: Database.Statement<[Position], { readonly stream: string; readonly type: string }>;
  // Only numbers: some megabytes for 100 000 pools.
  #keys: Set<number> | undefined;
  #asOf: Position = 0;

  constructor(db: Database.Database, position: () => Position) {
    this.#position = position;
    this.#names = db
      .prepare<[], string>("SELECT stream FROM currents WHERE stream > 'pool-' AND stream < 'pool.'")
      .pluck();
    this.#since = db.prepare(
      "SELECT stream, type FROM events WHERE position > ? AND type IN ('PoolCreated', 'PoolRemoved') ORDER BY position",
    );
  }

  /** For one append: as of now, including what other connections wrote. */
  lookup(): PoolOfKey {
    const keys = this.#present();
    return (key) => (keys.has(key) ? this.#pools().find((name) => keyOf(name) === key) : undefined);
  }

  /** Events that were read may have been rolled back. */
  forget(): void {
    this.#keys = undefined;
  }

  #present(): ReadonlySet<number> {
    const position = this.#position();
    if (this.#keys === undefined || position - this.#asOf > MANY)
      this.#keys = new Set(this.#pools().map(keyOf));
    else
      for (const { stream, type } of this.#since.all(this.#asOf)) {
        const key = keyOf(ownerNameOf(stream));
        if (type === 'PoolCreated') this.#keys.add(key);
        else this.#keys.delete(key);
      }
    this.#asOf = position;
    return this.#keys;
  }

  #pools(): string[] {
    return this.#names.all().map(ownerNameOf);
  }
}
