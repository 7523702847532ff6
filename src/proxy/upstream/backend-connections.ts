/**
 * The connections of one worker to one backend. Idle ones are reused, the latest first. If a backend has a
 * concurrency limit, idle plus busy ones never exceed it: a backend that serves a single connection must not be
 * blocked by our own idle one.
 */
import type { ConnectionClaims, Lease } from '../../../actors/index.ts';
import type { BackendAddress } from '../routing-table.ts';
import {
  type ConnectionKeeper,
  type ConnectionUser,
  UpstreamConnection,
  type UpstreamShared,
} from './connection.ts';
import type { Quota } from './quota.ts';

// 1 s: few backends close connections that have been idle for less.
const FRESH_ENOUGH_MS = 1000;
// Longer than most connections idle: a backend with a time-out shows it again; one that only restarted has none.
const KNOWN_FOR_MS = 10_000;

export class BackendConnections implements ConnectionKeeper {
  readonly address: BackendAddress;
  readonly #shared: UpstreamShared;
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  forgotten = false;
  /** The backend was removed or moved: open connections are not kept. */
  isLeft = false;
  /** The latest lease on this backend, and the claims that tell its limit; undefined: its ledger has none. */
  #lease: Lease | undefined;
  #claims: ConnectionClaims | undefined;
  #used = true;
  /** After idling so long a connection may be about to be closed: half of the shortest idle time that ended recently. */
  #freshMs = FRESH_ENOUGH_MS;
  #knownUntilMs = 0;
  /** Some idle connections may have no claim. */
  #hasUnclaimed = false;

  constructor(address: BackendAddress, shared: UpstreamShared) {
    this.address = address;
    this.#shared = shared;
  }

  get open(): number {
    return this.#all.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  leased(lease: Lease, claims: ConnectionClaims): void {
    this.#lease = lease;
    this.#claims = claims;
  }

  /** Its connections need claims. */
  get isCounted(): boolean {
    return this.#lease !== undefined && this.#claims?.isCounted(this.#lease) === true;
  }

  /** Takes an idle connection for the user. `once`: the request must not be sent twice, so the connection must be fresh. */
  take(
    user: ConnectionUser,
    nowMs: number,
    once: boolean,
    quota: Quota | undefined,
  ): UpstreamConnection | undefined {
    // If the limit is new, idle connections without a claim cannot stay.
    if (quota !== undefined) this.closeUnclaimed();
    const connection = this.#idle.at(-1);
    if (connection === undefined) return undefined;
    // The last is the one used most recently: if it has idled too long, so have all.
    if (once && !this.#isFresh(nowMs - connection.idleSinceMs, nowMs)) return undefined;
    if (connection.quota?.reuse(connection) === false) return undefined;
    this.#idle.pop();
    connection.use(user);
    return connection;
  }

  /** A new connection for the user. `limit`: how many may be open, if there is no quota; 0: any number. */
  connect(user: ConnectionUser, limit: number, quota: Quota | undefined): UpstreamConnection {
    if (quota === undefined && limit > 0)
      while (this.#all.size >= limit && this.#idle.length > 0) this.#idle[0]?.destroy();
    const connection = new UpstreamConnection(this, user, this.#shared);
    this.#all.add(connection);
    this.#used = true;
    if (quota === undefined) connection.open();
    else quota.admit(connection);
    return connection;
  }

  /** Keeps a connection after its response for the next request. False: it must be closed. */
  keep(connection: UpstreamConnection, nowMs: number, keepAliveMs: number, most: number): boolean {
    if (keepAliveMs === 0 || most === 0 || this.isLeft) return false;
    if (connection.quota === undefined) {
      // A limit was set while the connection was busy.
      if (this.isCounted) return false;
      this.#hasUnclaimed = true;
    } else if (!connection.quota.rest(connection)) return false;
    // The one that has idled longest makes room. Otherwise stale ones would fill the places, and each request that may
    // not be sent twice, and so takes no stale one, would open a connection until those expire.
    if (this.#idle.length >= most) this.#idle[0]?.expire(nowMs);
    connection.rest(nowMs, nowMs + keepAliveMs);
    this.#idle.push(connection);
    return true;
  }

  isIdleNoMore(connection: UpstreamConnection): void {
    const place = this.#idle.lastIndexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
  }

  /** Measured with POSTs around the end of 300 ms of idling: 8 of 30 lost without this, none with it. */
  endedIdle(idleMs: number, nowMs: number): void {
    const freshMs = Math.min(FRESH_ENOUGH_MS, idleMs / 2);
    if (freshMs > this.#freshMs && nowMs < this.#knownUntilMs) return;
    this.#freshMs = freshMs;
    this.#knownUntilMs = nowMs + KNOWN_FOR_MS;
  }

  #isFresh(idleMs: number, nowMs: number): boolean {
    if (idleMs < this.#freshMs) return true;
    if (nowMs < this.#knownUntilMs) return false;
    this.#freshMs = FRESH_ENOUGH_MS;
    return idleMs < FRESH_ENOUGH_MS;
  }

  gone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    this.isIdleNoMore(connection);
    connection.quota?.left(connection);
  }

  closeUnclaimed(): void {
    if (!this.#hasUnclaimed) return;
    this.#hasUnclaimed = false;
    for (let i = this.#idle.length - 1; i >= 0; i--)
      if (this.#idle[i]?.quota === undefined) this.#idle[i]?.destroy();
  }

  /** True if it has no connection and has opened none since the last call; it is not used any more then. */
  forget(): boolean {
    this.forgotten = this.#all.size === 0 && !this.#used;
    this.#used = false;
    return this.forgotten;
  }

  /** The backend was removed or has moved: closes idle connections and keeps no more. */
  leave(nowMs: number): void {
    this.isLeft = true;
    while (this.#idle.length > 0) this.#idle.at(-1)?.expire(nowMs);
  }

  cutAll(): void {
    for (const connection of this.#all) connection.cut();
  }

  closeAll(): void {
    for (const connection of this.#all) connection.destroy();
  }

  closeIdle(): void {
    while (this.#idle.length > 0) this.#idle.at(-1)?.destroy();
  }
}
