/**
 * The connections that one worker has open, or wants to open, to one backend whose limit all workers share.
 * Connections without a lease idle here until one is wanted, in this worker or in another.
 */
import type { ConnectionClaims } from '../../../actors/index.ts';

/** A connection as far as it counts. */
export interface Counted {
  quota: Quota | undefined;
  /** There is room for it: it connects. */
  open(): void;
  /** From idle: it is wanted elsewhere. */
  sayGoodbye(nowMs: number): void;
}

export class Quota {
  readonly row: number;
  readonly #claims: ConnectionClaims;
  readonly #now: () => number;
  /** The longest first. */
  readonly #idle: Counted[] = [];
  /** For room; first come first. */
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

  /** An empty one may be from before another pool got the memory of that one: it is for its own claims alone. */
  isFor(claims: ConnectionClaims): boolean {
    return claims === this.#claims || !this.isEmpty;
  }

  /** It connects now, or when there is room. */
  admit(connection: Counted): void {
    connection.quota = this;
    if (this.#claims.open(this.row, false)) {
      this.#claimed++;
      connection.open();
      return;
    }
    this.#waiting.push(connection);
    // Room may have been made before it stood there.
    this.look();
  }

  /** False: it is wanted elsewhere. */
  reuse(connection: Counted): boolean {
    if (!this.#claims.reuse(this.row)) return false;
    remove(this.#idle, connection);
    return true;
  }

  /** While its lease is still held. False: it is to be closed. */
  rest(connection: Counted): boolean {
    if (!this.#claims.rest(this.row)) return false;
    this.#idle.push(connection);
    return true;
  }

  /** An idle one whose time is over. */
  retire(connection: Counted): void {
    if (remove(this.#idle, connection)) this.#claims.closing(this.row);
  }

  /** It is closed, in whatever state it was. */
  left(connection: Counted): void {
    if (remove(this.#waiting, connection)) {
      this.#claims.forgo(this.row);
      return;
    }
    this.retire(connection);
    this.#claimed--;
    this.#claims.closed(this.row);
  }

  /** Closes what is owed, and opens what there is room for. What it does may lead here again. */
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
  // The latest is the one that is used again.
  if (list.at(-1) === connection) {
    list.pop();
    return true;
  }
  const place = list.lastIndexOf(connection);
  if (place < 0) return false;
  list.splice(place, 1);
  return true;
}
