/**
 * One connection to a backend, and its current user.
 *
 *   (waiting for room) ─▶
 *   connecting ─▶ busy ⇄ idle
 *        │          │      │     any byte, FIN or error while idle: closed, never used again
 *        ▼          ▼      ▼
 *      closed ◀─ lingering    FIN sent, what still comes is dropped, until the backend closes or time is up
 */
import type { LookupFunction } from 'node:net';
import { HeadScan } from '../../wire/index.ts';
import { Deadline, type Deadlines } from '../deadlines.ts';
import { HIGH_WATER_BYTES } from '../high-water.ts';
import type { ReadBuffers } from '../read-buffers.ts';
import type { BackendAddress } from '../routing-table.ts';
import { BackendSocket } from './backend-socket.ts';
import { type ConnectionLimit, connectionLimitReached } from './connection-limit.ts';
import type { Counted, Quota } from './quota.ts';

/** What has a request on the connection. Nothing is called after `backendClosed` or `connectFailed`. */
export interface ConnectionUser {
  /** More of the request was written than went with the head: the backend's response counts even if a write fails. */
  readonly isUnderWay: boolean;
  connected(): void;
  connectFailed(error: NodeJS.ErrnoException): void;
  /** Bytes [0, length) of the buffer, valid only until this returns unless the buffer is leased. */
  received(buffer: Buffer, length: number): void;
  /** The backend's FIN: nothing more will arrive. */
  backendEnded(): void;
  backendClosed(error: Error | undefined): void;
  /** What was written has been sent. */
  backendDrained(): void;
  /** Our own code threw. */
  crashed(error: unknown): void;
  /** The request must end now: the backend's drain is over. */
  stop(reason: 'drain_timeout'): void;
}

/** Where connections come from and are kept: one per backend and worker. */
export interface ConnectionKeeper {
  readonly address: BackendAddress;
  /** The connection has closed, in whatever state it was. */
  gone(connection: UpstreamConnection): void;
  /** The connection is about to close and must not be reused. */
  isIdleNoMore(connection: UpstreamConnection): void;
  /** The backend closed a connection after it had been idle for so long. */
  endedIdle(idleMs: number, nowMs: number): void;
}

export type ConnectionState = 'connecting' | 'busy' | 'idle' | 'lingering' | 'closed';

/** What connections of one worker share. */
export type UpstreamShared = {
  readonly now: () => number;
  readonly deadlines: Deadlines;
  readonly buffers: ReadBuffers;
  /** How a backend's name becomes addresses. */
  readonly lookup: LookupFunction;
  readonly connectionLimit: ConnectionLimit;
};

// 1 s, like the linger after an abandoned request: a backend with an idle connection closes it at once.
const GOODBYE_MS = 1000;

export class UpstreamConnection implements Counted {
  readonly socket: BackendSocket;
  readonly scan = new HeadScan();
  readonly #keeper: ConnectionKeeper;
  readonly #shared: UpstreamShared;
  readonly #deadline: Deadline;
  #user: ConnectionUser | undefined;
  #buffer: Buffer;
  /** The buffer that Node reads into. */
  #reading: Buffer | undefined;
  #error: Error | undefined;
  /** The backend's FIN has arrived. */
  #hasEnded = false;
  #isWithinLimit = false;
  state: ConnectionState = 'connecting';
  /** When it began to connect; 0: not yet. */
  openedAtMs = 0;
  idleSinceMs = 0;
  /** Set if the backend has a limit that all workers share. */
  quota: Quota | undefined = undefined;
  /** Requests sent on it. */
  uses = 1;

  constructor(keeper: ConnectionKeeper, user: ConnectionUser, shared: UpstreamShared) {
    this.#keeper = keeper;
    this.#user = user;
    this.#shared = shared;
    this.#buffer = shared.buffers.fromBackends;
    this.#deadline = new Deadline((nowMs) => this.expire(nowMs));
    const options = {
      noDelay: true,
      // The backend's FIN must not end our side: an upload, or the other direction of a pipe, may still be in progress.
      allowHalfOpen: true,
      highWaterMark: HIGH_WATER_BYTES,
      onread: {
        // Undefined if the buffer stays the same: Node then keeps it, without a check.
        buffer: (() => this.#nextBuffer()) as () => Buffer,
        callback: (length: number, buffer: Uint8Array) => this.#read(length, buffer as Buffer),
      },
    };
    this.socket = new BackendSocket(options, () => this.state === 'busy' && this.#user?.isUnderWay === true);
    this.socket.on('connect', () => this.#connected());
    this.socket.on('end', () => this.#ended());
    this.socket.on('drain', () => this.#drained());
    this.socket.on('error', (error) => {
      this.#error = error;
    });
    this.socket.on('close', () => this.#closed());
  }

  #nextBuffer(): Buffer | undefined {
    if (this.#buffer === this.#reading) return undefined;
    this.#reading = this.#buffer;
    return this.#buffer;
  }

  /** Gives the connection to another user, whatever its state. */
  handOver(user: ConnectionUser): void {
    this.#user = user;
  }

  open(): void {
    const { address } = this.#keeper;
    this.openedAtMs = this.#shared.now();
    this.#isWithinLimit = this.#shared.connectionLimit.enter();
    if (!this.#isWithinLimit) {
      this.socket.destroy(connectionLimitReached());
      return;
    }
    if ('path' in address) this.socket.connect({ path: address.path });
    else this.socket.connect({ host: address.host, port: address.port, lookup: this.#shared.lookup });
  }

  /** All that was written has been sent. */
  get isFlushed(): boolean {
    return this.socket.writableLength === 0 && !this.socket.hasFailed;
  }

  get isWaiting(): boolean {
    return this.openedAtMs === 0 && this.state === 'connecting';
  }

  /** From idle to busy. */
  use(user: ConnectionUser): void {
    this.#shared.deadlines.clear(this.#deadline);
    this.#user = user;
    this.state = 'busy';
    this.uses++;
  }

  /** From busy to idle, until `untilMs`. */
  rest(nowMs: number, untilMs: number): void {
    this.#user = undefined;
    this.state = 'idle';
    this.idleSinceMs = nowMs;
    this.#shared.deadlines.set(this.#deadline, untilMs);
  }

  /**
   * The request ended before its response, or before the connection was established: sends a FIN after what was
   * written, and tells the user when the backend has closed.
   */
  linger(untilMs: number): void {
    if ((this.#hasEnded && this.socket.writableLength === 0) || this.isWaiting) {
      this.destroy();
      return;
    }
    this.state = 'lingering';
    const isLent = this.isLeased && this.socket.isPaused();
    this.unlease(true);
    this.#shared.deadlines.set(this.#deadline, untilMs);
    this.socket.end();
    // Node would read once more into the current buffer, which may still have bytes to be written: so nothing is read
    // until time is up.
    if (!isLent) this.socket.resume();
  }

  /** Closes an idle connection with a FIN: the backend counts it until it has closed it too. */
  sayGoodbye(nowMs: number): void {
    this.#keeper.isIdleNoMore(this);
    this.linger(nowMs + GOODBYE_MS);
  }

  /** Closes at once: when this returns, the descriptor is closed and the backend's slot is free. */
  destroy(): void {
    if (this.state === 'closed') return;
    this.socket.destroy();
    this.#closed();
  }

  /** The backend's drain is over: ends the request in progress and closes at once, in any state. */
  cut(): void {
    const user = this.#user;
    if (user !== undefined) guarded(user, () => user.stop('drain_timeout'));
    this.destroy();
  }

  /** From now on reads go to a leased buffer, which can be written without a copy. */
  lease(): void {
    if (this.#buffer === this.#shared.buffers.fromBackends) this.#buffer = this.#shared.buffers.take();
  }

  get isLeased(): boolean {
    return this.#buffer !== this.#shared.buffers.fromBackends;
  }

  /** `stillNeeded`: part of the buffer is in a write queue, so it cannot be reused. */
  unlease(stillNeeded: boolean): void {
    const buffer = this.#buffer;
    if (buffer === this.#shared.buffers.fromBackends) return;
    this.#buffer = this.#shared.buffers.fromBackends;
    if (!stillNeeded) this.#shared.buffers.giveBack(buffer);
  }

  /** `backendDrained` will be called when nothing waits to be written. */
  tellWhenDrained(): void {
    // Node emits `drain` only after its buffer was full, but an empty write is done when the writes before it are.
    if (!this.socket.writableNeedDrain) this.socket.write('', 'latin1', () => this.#drained());
  }

  /** The idle or linger time is over. */
  expire(nowMs: number): void {
    if (this.state !== 'idle' || this.quota === undefined) {
      this.destroy();
      return;
    }
    this.quota.retire(this);
    this.sayGoodbye(nowMs);
  }

  #connected(): void {
    if (this.state !== 'connecting') return;
    this.state = 'busy';
    const user = this.#user;
    if (user !== undefined) guarded(user, () => user.connected());
  }

  #read(length: number, buffer: Buffer): boolean {
    const user = this.#user;
    if (this.state === 'busy' && user !== undefined) {
      try {
        user.received(buffer, length);
      } catch (error) {
        user.crashed(error);
      }
    } else if (this.state === 'idle') {
      // RFC 9112 §9.2: an unsolicited response must not answer the next request.
      this.#endedIdle();
      this.destroy();
    }
    return true;
  }

  #drained(): void {
    const user = this.#user;
    if (user !== undefined) guarded(user, () => user.backendDrained());
  }

  #ended(): void {
    this.#hasEnded = true;
    const user = this.#user;
    if (this.state === 'busy' && user !== undefined) guarded(user, () => user.backendEnded());
    else {
      if (this.state === 'idle') this.#endedIdle();
      this.destroy();
    }
  }

  #endedIdle(): void {
    const nowMs = this.#shared.now();
    this.#keeper.endedIdle(nowMs - this.idleSinceMs, nowMs);
  }

  #closed(): void {
    if (this.state === 'closed') return;
    const wasConnecting = this.state === 'connecting';
    if (this.state === 'idle' && this.#error !== undefined) this.#endedIdle();
    this.state = 'closed';
    this.#shared.deadlines.remove(this.#deadline);
    this.unlease(true);
    if (this.#isWithinLimit) this.#shared.connectionLimit.leave();
    this.#keeper.gone(this);
    const user = this.#user;
    this.#user = undefined;
    if (user === undefined) return;
    if (wasConnecting)
      guarded(user, () => user.connectFailed(this.#error ?? new Error('connect was given up')));
    else guarded(user, () => user.backendClosed(this.#error));
  }
}

function guarded(user: ConnectionUser, action: () => void): void {
  try {
    action();
  } catch (error) {
    user.crashed(error);
  }
}
