/** The keys of all pools there are, read when one is first made, and again where another connection wrote since. */
import type Database from 'better-sqlite3';
import type { PoolOfKey } from '../append/pool-clash.ts';
import { keyOf } from '../key.ts';
import { ownerNameOf } from '../names.ts';

const POOL = 'pool-';

export class PoolKeys {
  readonly #db: Database.Database;
  readonly #names: Database.Statement<[], string>;
  // Numbers alone: of 100 000 pools some megabytes.
  #keys: Set<number> | undefined;
  #asOf: unknown;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#names = db
      .prepare<[], string>("SELECT stream FROM currents WHERE stream > 'pool-' AND stream < 'pool.'")
      .pluck();
  }

  /** As of now, for one append. */
  lookup(): PoolOfKey {
    const asOf = this.#db.pragma('data_version', { simple: true });
    if (asOf !== this.#asOf) this.#keys = undefined;
    this.#asOf = asOf;
    this.#keys ??= new Set(this.#pools().map(keyOf));
    const keys = this.#keys;
    return (key) => (keys.has(key) ? this.#pools().find((name) => keyOf(name) === key) : undefined);
  }

  came(stream: string): void {
    if (stream.startsWith(POOL)) this.#keys?.add(keyOf(ownerNameOf(stream)));
  }

  went(stream: string): void {
    if (stream.startsWith(POOL)) this.#keys?.delete(keyOf(ownerNameOf(stream)));
  }

  /** What came and went was taken back. */
  forget(): void {
    this.#keys = undefined;
  }

  #pools(): string[] {
    return this.#names.all().map(ownerNameOf);
  }
}
