/** All connections of one worker to backends, by address; created on first use and dropped when none is open. */
import type { ConnectionClaims, Lease, RowWatcher } from '../../../actors/index.ts';
import type { BackendRoute } from '../routing-table.ts';
import { BackendConnections } from './backend-connections.ts';
import type { UpstreamShared } from './connection.ts';
import { Quota } from './quota.ts';

// 10 s: long after the last idle connection has closed.
const FORGET_EVERY_MS = 10_000;

export class Upstreams implements RowWatcher {
  readonly #shared: UpstreamShared;
  readonly #byRoute = new WeakMap<BackendRoute, BackendConnections>();
  readonly #byName = new Map<string, BackendConnections>();
  /** By row. */
  readonly #quotas = new Map<number, Quota>();
  #sweptAtMs = 0;

  constructor(shared: UpstreamShared) {
    this.#shared = shared;
  }

  /** Connections are kept per pool, backend and address: with another address, a backend gets new ones. */
  of(poolName: string, backend: BackendRoute): BackendConnections {
    const known = this.#byRoute.get(backend);
    if (known !== undefined && !known.forgotten) return known;
    const name = nameOf(poolName, backend);
    const connections = this.#byName.get(name) ?? new BackendConnections(backend.address, this.#shared);
    connections.isLeft = false;
    this.#byName.set(name, connections);
    this.#byRoute.set(backend, connections);
    return connections;
  }

  /** Undefined: the backend has no limit that is shared with other workers. */
  quotaOf(claims: ConnectionClaims, lease: Lease): Quota | undefined {
    if (!claims.isCounted(lease)) return undefined;
    const known = this.#quotas.get(lease.row);
    if (known?.isFor(claims)) return known;
    const quota = new Quota(lease.row, claims, this.#shared.now);
    this.#quotas.set(lease.row, quota);
    return quota;
  }

  /** Of RowWatcher: 0 means all rows. */
  look(row: number): void {
    if (row !== 0) {
      this.#quotas.get(row)?.look();
      return;
    }
    for (const quota of this.#quotas.values()) quota.look();
    // Some backends may have got their first limit.
    for (const connections of this.#byName.values()) if (connections.isCounted) connections.closeUnclaimed();
  }

  /** Routes change often; drops backends without connections now and then. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < FORGET_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    for (const [row, quota] of this.#quotas) if (quota.isEmpty) this.#quotas.delete(row);
    for (const [name, connections] of this.#byName) {
      if (connections.forget()) this.#byName.delete(name);
    }
  }

  counts(): { open: number; idle: number } {
    let open = 0;
    let idle = 0;
    for (const connections of this.#byName.values()) {
      open += connections.open;
      idle += connections.idle;
    }
    return { open, idle };
  }

  /** All connections to one backend, whatever addresses it had. */
  cut(poolName: string, backendId: string): void {
    const prefix = `${poolName} ${backendId} `;
    for (const [name, connections] of this.#byName) if (name.startsWith(prefix)) connections.cutAll();
  }

  /** The backend was removed or has moved. If it is added again with a limit, that would not count kept connections. */
  leave(poolName: string, backend: BackendRoute): void {
    this.#byName.get(nameOf(poolName, backend))?.leave(this.#shared.now());
  }

  closeAll(): void {
    for (const connections of this.#byName.values()) connections.closeAll();
  }

  closeIdle(): void {
    for (const connections of this.#byName.values()) connections.closeIdle();
  }
}

function nameOf(poolName: string, { id, address }: BackendRoute): string {
  const where = 'path' in address ? `unix:${address.path}` : `${address.host} ${address.port}`;
  return `${poolName} ${id} ${where}`;
}
