/**
 * The connections that one worker has open, or wants to open, to one backend whose limit all workers share.
 * Connections without a lease idle here until one is wanted, in this worker or in another.
 */
import type { ConnectionClaims } from '../../../actors/index.ts';

/** A connection, as far as limits are concerned. */
export interface Counted {
  quota: Quota | undefined;
  /** There is room: connect. */
  open(): void;
  /** Closes an idle connection whose claim is wanted elsewhere. */
  sayGoodbye(nowMs: number): void;
}

export class Quota {
  readonly row: number;
  readonly #claims: ConnectionClaims;
  readonly #now: () => number;
  /** The longest idle first. */
  readonly #idle: Counted[] = [];
  /** Waiting for room, first in, first out. */
  readonly #waiting: Counted[] = [];
  #claimed = 0;
  #isLooking = false;
  #looksAgain = false;

  constructor(row: number, claims: ConnectionClaims, now: () => number) {
    this.row = row;
    this.#claims = claims;
    this.#now = now;
  }

  get isEmpty(): boolean {
    return this.#claimed === 0 && this.#waiting.length === 0;
  }

  /** False: the quota is empty and may date from when its row belonged to another pool. */
  isFor(claims: ConnectionClaims): boolean {
    return claims === this.#claims || !this.isEmpty;
  }

  /** Opens the connection now, or when there is room. */
  admit(connection: Counted): void {
    connection.quota = this;
    if (this.#claims.open(this.row, false)) {
      this.#claimed++;
      connection.open();
      return;
    }
    this.#waiting.push(connection);
    // Room may have appeared before the connection was queued.
    this.look();
  }

  /** False: its claim is wanted elsewhere. */
  reuse(connection: Counted): boolean {
    if (!this.#claims.reuse(this.row)) return false;
    remove(this.#idle, connection);
    return true;
  }

  /** Called while its lease is still held. False: it must be closed. */
  rest(connection: Counted): boolean {
    if (!this.#claims.rest(this.row)) return false;
    this.#idle.push(connection);
    return true;
  }

  /** An idle connection has expired. */
  retire(connection: Counted): void {
    if (remove(this.#idle, connection)) this.#claims.closing(this.row);
  }

  /** The connection has closed, in whatever state it was. */
  left(connection: Counted): void {
    if (remove(this.#waiting, connection)) {
      this.#claims.forgo(this.row);
      return;
    }
    this.retire(connection);
    this.#claimed--;
    this.#claims.closed(this.row);
  }

  /** Closes idle connections that others want, and opens waiting ones that there is room for. May be called recursively. */
  look(): void {
    this.#looksAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#looksAgain) {
        this.#looksAgain = false;
        this.#payBack();
        this.#openWaiting();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  #payBack(): void {
    while (this.#claims.owed(this.row) > 0) {
      const connection = this.#idle.shift();
      if (connection === undefined) return;
      this.#claims.closing(this.row);
      connection.sayGoodbye(this.#now());
    }
  }

  #openWaiting(): void {
    while (this.#waiting.length > 0 && this.#claims.open(this.row, true)) {
      this.#claimed++;
      this.#waiting.shift()?.open();
    }
  }
}

function remove(list: Counted[], connection: Counted): boolean {
  // Usually it is the latest one, which is reused first.
  if (list.at(-1) === connection) {
    list.pop();
    return true;
  }
  const place = list.lastIndexOf(connection);
  if (place < 0) return false;
  list.splice(place, 1);
  return true;
}
