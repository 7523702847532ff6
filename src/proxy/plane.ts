/** The data plane of one thread: listeners, client connections, upstream connections, one clock for time-outs. */

import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RequestObserver } from '../../actors/index.ts';
import type { ListenerSettings } from '../config/index.ts';
import { PlaneCounters } from '../telemetry/plane-counters.ts';
import type { RequestMetricsSnapshot } from '../telemetry/request-metrics.ts';
import { HeadScan, plainAddress } from '../wire/index.ts';
import { ClientConnection } from './client/client-connection.ts';
import { Listener } from './client/listener.ts';
import { OpenConnections } from './client/open-connections.ts';
import type { PlaneContext, PlaneOptions } from './context.ts';
import { Deadline, Deadlines } from './deadlines.ts';
import { OwnHeadcount } from './headcount.ts';
import { HttpDate } from './http-date.ts';
import { KeyedDigest } from './keyed-digest.ts';
import { Affinity } from './lease/affinity.ts';
import { TableWaiters } from './lease/table-waiters.ts';
import { WaitWatch } from './lease/wait-watch.ts';
import { Wakes } from './lease/wakes.ts';
import { OneShotTimer } from './one-shot-timer.ts';
import { OneWrite } from './one-write.ts';
import { ReadBuffers } from './read-buffers.ts';
import { RequestIds } from './request-id.ts';
import type { BackendRoute } from './routing-table.ts';
import { BackendCuts } from './upstream/backend-cuts.ts';
import { ConnectionLimit } from './upstream/connection-limit.ts';
import { NAMES } from './upstream/names.ts';
import { Upstreams } from './upstream/upstreams.ts';

// 500 ms: a round trip on nearly every network, so that a client that is just sending learns of the end first.
const IDLE_GRACE_MS = 500;

// If connections arrive faster than they can be accepted, somebody is always waiting.
const MOST_TURNS = 200;
const SHORT_TURN_MS = 0.1;

/** What a plane has when it stops accepting. */
export type Farewell = {
  /** Established connections, which the plane goes on serving. */
  readonly connections: number;
  /** Connections in its accept queues, which are reset; null: unknown. */
  readonly lost: number | null;
};

export interface RoutingPlane {
  /** Starts accepting on an address; `reusePort` lets other workers listen on the same one. */
  listen(
    listener: ListenerSettings,
    where: { host: string; port: number; reusePort?: boolean },
  ): Promise<{ address: string; port: number }>;
  /** A connection accepted elsewhere, as if it had come to this listener. */
  accept(socket: Socket, listener: ListenerSettings): void;
  /** Receives leases granted by other threads' check-ins; call it when the ledger's bell rings. */
  deliver(): void;
  /** The wait for a pool's ledger is over: it exists, or could not be created. */
  awake(pool: string): void;
  /** At `atMs`, whatever is in progress on the backend is cut. Infinity: cancels that. */
  cutAt(pool: string, backend: string, atMs: number): void;
  /** The backend was removed from its pool, or moved: closes idle connections to the old address and keeps no others. */
  gone(pool: string, backend: BackendRoute): void;
  /** From now on probes are answered 503, so that a load balancer stops sending; nothing else changes. */
  announceEnd(): void;
  /** Resolves when, as far as can be seen, no connection waits to be accepted: the moment to stop accepting. */
  acceptWaiting(): Promise<void>;
  /** Stops accepting. To be called once: the result describes that moment. */
  stopAccepting(): Farewell;
  /**
   * Stops accepting and lets requests finish; what is unfinished after `withinMs` is cut. An idle connection may send
   * one more request within `idleMs`, and is told to close with the response. Either may be Infinity. A further call
   * sets new times. Resolves to the number of requests cut.
   */
  drain(withinMs: number, idleMs?: number): Promise<number>;
  /** Ends everything at once. */
  close(): Promise<void>;
  /** Makes a request in progress fail as by a bug in our code; if there is none, the next one. */
  crashRequest(error: Error): void;
  readonly counters: PlaneCounters;
  metrics(): RequestMetricsSnapshot;
}

// 1 s: how often upstreams are asked to forget what is unused, which they do every tenth time, and to make room.
const SWEEP_MS = 1000;

export function createPlane(options: PlaneOptions): RoutingPlane {
  return new Plane(options);
}

class Plane implements RoutingPlane {
  readonly #context: PlaneContext;
  readonly #listeners = new Map<ListenerSettings, Listener>();
  readonly #connections = new OpenConnections();
  readonly #sweep: Deadline;
  readonly #cuts: BackendCuts;
  readonly #observe: RequestObserver | undefined;
  readonly #drain = {
    idle: new OneShotTimer(() => this.#connections.closeIdle()),
    cut: new OneShotTimer(() => {
      this.#drain.cutBusy = this.#connections.cut();
    }),
    cutBusy: 0,
    over: undefined as Promise<number> | undefined,
  };

  constructor(options: PlaneOptions) {
    const failed = (error: unknown) => options.report({ type: 'request_crashed', requestId: '', error });
    const deadlines = new Deadlines(options.now, failed, options.settings.tickMs);
    const buffers = new ReadBuffers();
    const headcount = options.headcount ?? new OwnHeadcount();
    const most = options.settings.mostToBackends ?? 0;
    const connectionLimit: ConnectionLimit = new ConnectionLimit(headcount, most, () =>
      upstreams.closeIdle(),
    );
    const upstreams = new Upstreams({
      now: options.now,
      deadlines,
      buffers,
      lookup: NAMES.lookup,
      connectionLimit,
    });
    const digest = new KeyedDigest(options.settings.secret);
    options.ledger.watchRows(upstreams);
    this.#observe = options.observe;
    this.#context = {
      ...options,
      observe: options.observe,
      digest,
      affinity: new Affinity(digest),
      ids: new RequestIds(options.settings.worker, options.random),
      date: new HttpDate(Date.now),
      deadlines,
      buffers,
      scans: { spare: new HeadScan() },
      writes: new OneWrite(),
      upstreams,
      waits: new WaitWatch(options.now, deadlines),
      wakes: new Wakes(options.wake),
      tableWaiters: new TableWaiters(),
      counters: new PlaneCounters(),
      retryBudgets: new WeakMap(),
      headcount,
      isEnding: false,
      isDraining: false,
      idleUntilMs: Number.POSITIVE_INFINITY,
    };
    this.#cuts = new BackendCuts(upstreams, deadlines);
    this.#sweep = new Deadline((nowMs) => {
      deadlines.set(this.#sweep, nowMs + SWEEP_MS);
      upstreams.sweep(nowMs);
      connectionLimit.tidy();
    });
    deadlines.set(this.#sweep, options.now() + SWEEP_MS);
    deadlines.start();
  }

  get counters(): PlaneCounters {
    return this.#context.counters;
  }

  async listen(
    settings: ListenerSettings,
    where: { host: string; port: number; reusePort?: boolean },
  ): Promise<{ address: string; port: number }> {
    const listener = this.#listenerOf(settings);
    return listener.listen({ host: where.host, port: where.port, reusePort: where.reusePort ?? false });
  }

  accept(socket: Socket, settings: ListenerSettings): void {
    this.#accepted(socket, this.#listenerOf(settings));
  }

  awake(pool: string): void {
    this.#context.wakes.woken(pool);
  }

  deliver(): void {
    this.#context.ledger.deliver();
  }

  cutAt(pool: string, backend: string, atMs: number): void {
    this.#cuts.cutAt(pool, backend, atMs);
  }

  gone(pool: string, backend: BackendRoute): void {
    this.#context.upstreams.leave(pool, backend);
  }

  announceEnd(): void {
    this.#context.isEnding = true;
  }

  async acceptWaiting(): Promise<void> {
    const { counters, now } = this.#context;
    await nextTurn();
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const [accepted, refused, sinceMs] = [counters.accepted, counters.refusedConnections, now()];
      await nextTurn();
      const isNobody = counters.accepted === accepted && counters.refusedConnections === refused;
      // A turn of the loop accepts at least one waiting connection, but during a long turn more may have arrived.
      if (isNobody && now() - sinceMs < SHORT_TURN_MS) return;
    }
  }

  stopAccepting(): Farewell {
    this.#context.isDraining = true;
    let lost: number | null = 0;
    for (const listener of this.#listeners.values()) {
      const here = listener.closeCounting();
      lost = lost === null || here === undefined ? null : lost + here;
    }
    return { connections: this.#connections.size, lost };
  }

  drain(withinMs: number, idleMs = IDLE_GRACE_MS): Promise<number> {
    const goodbye = Math.min(idleMs, withinMs);
    this.#context.idleUntilMs = this.#context.now() + goodbye;
    // A request may be on its way on a connection that looks idle; it is answered with Connection: close.
    this.#drain.idle.set(goodbye);
    this.#drain.cut.set(withinMs);
    this.#drain.over ??= this.#drained();
    return this.#drain.over;
  }

  async #drained(): Promise<number> {
    this.#unlisten();
    await this.#connections.gone();
    this.#drain.idle.set(Number.POSITIVE_INFINITY);
    this.#drain.cut.set(Number.POSITIVE_INFINITY);
    await this.close();
    return this.#drain.cutBusy;
  }

  #unlisten(): void {
    this.#context.isDraining = true;
    for (const listener of this.#listeners.values()) listener.close();
  }

  async close(): Promise<void> {
    this.#unlisten();
    this.#connections.cut();
    this.#context.upstreams.closeIdle();
    await this.#connections.gone();
    // Requests that were cut may still hold connections; no lease may be returned after this.
    this.#context.upstreams.closeAll();
    this.#context.deadlines.stop();
    this.#context.accessLog?.flush();
  }

  crashRequest(error: Error): void {
    const busy = this.#connections.busy();
    if (busy !== undefined) {
      busy.crash(error);
      return;
    }
    this.#context.observe = () => {
      this.#context.observe = this.#observe;
      throw error;
    };
  }

  metrics(): RequestMetricsSnapshot {
    const { counters, metrics, upstreams } = this.#context;
    const { open, idle } = upstreams.counts();
    return metrics.snapshot({ ...counters, upstreamConnections: open, upstreamIdle: idle });
  }

  #listenerOf(settings: ListenerSettings): Listener {
    const known = this.#listeners.get(settings);
    if (known !== undefined) return known;
    const accepted = (socket: Socket, to: Listener) => this.#accepted(socket, to);
    const { headcount, scarce } = this.#context;
    const listener = new Listener(settings, headcount, accepted, scarce);
    this.#listeners.set(settings, listener);
    return listener;
  }

  #accepted(socket: Socket, listener: Listener): void {
    const { counters } = this.#context;
    const address = plainAddress(socket.remoteAddress ?? '');
    // No address: the peer left before we looked.
    if (address === '' || !listener.admits(address)) {
      if (address !== '') counters.refusedConnections++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    counters.accepted++;
    counters.connections++;
    const connection = new ClientConnection(socket, address, listener, this.#context, (gone) =>
      this.#left(gone),
    );
    this.#connections.add(connection);
  }

  #left(connection: ClientConnection): void {
    this.#context.counters.connections--;
    this.#connections.left(connection);
  }
}
