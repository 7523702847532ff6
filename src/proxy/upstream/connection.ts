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
import type { Counted, Quota } from './quota.ts';

/** Whoever has a request on the connection. After `backendClosed` and `connectFailed` nothing more is called. */
export interface ConnectionUser {
  /** Of its request more was written than what went first: what the backend says answers it, though it takes no more. */
  readonly isUnderWay: boolean;
  connected(): void;
  connectFailed(error: NodeJS.ErrnoException): void;
  /** Bytes [0, length) of the buffer, there only until this returns unless the buffer is leased. */
  received(buffer: Buffer, length: number): void;
  /** A FIN: nothing more will come. */
  backendEnded(): void;
  backendClosed(error: Error | undefined): void;
  /** What was written has left. */
  backendDrained(): void;
  /** Our own code threw. */
  crashed(error: unknown): void;
  /** It is to end now: its backend has no more time. */
  stop(reason: 'drain_timeout'): void;
}

/** Where connections come from and are kept: one per backend and worker. */
export interface ConnectionKeeper {
  readonly address: BackendAddress;
  /** It is closed now, in whatever state it was. */
  gone(connection: UpstreamConnection): void;
  /** It is on its way out. */
  isIdleNoMore(connection: UpstreamConnection): void;
  /** The backend would not have it idle for longer than this. */
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
};

// 1 s, as for whoever is abandoned: a backend that is idle closes at once.
const GOODBYE_MS = 1000;

export class UpstreamConnection implements Counted {
  readonly socket: BackendSocket;
  readonly scan = new HeadScan();
  readonly #keeper: ConnectionKeeper;
  readonly #shared: UpstreamShared;
  readonly #deadline: Deadline;
  #user: ConnectionUser | undefined;
  #buffer: Buffer;
  /** Where Node reads to. */
  #reading: Buffer | undefined;
  #error: Error | undefined;
  /** The backend's FIN has come. */
  #hasEnded = false;
  state: ConnectionState = 'connecting';
  /** When it began to connect; 0: it has not. */
  openedAtMs = 0;
  idleSinceMs = 0;
  /** Of a backend whose limit all workers share. */
  quota: Quota | undefined = undefined;
  /** Requests it has been given. */
  uses = 1;

  constructor(keeper: ConnectionKeeper, user: ConnectionUser, shared: UpstreamShared) {
    this.#keeper = keeper;
    this.#user = user;
    this.#shared = shared;
    this.#buffer = shared.buffers.fromBackends;
    this.#deadline = new Deadline((nowMs) => this.expire(nowMs));
    const options = {
      noDelay: true,
      // The backend's FIN must not end our side: a response can still be owed to an upload, or a pipe go on.
      allowHalfOpen: true,
      highWaterMark: HIGH_WATER_BYTES,
      onread: {
        // Nothing where the next read goes where the last one went: Node then leaves it so, and need not look.
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

  /** To another user, in the midst of what it does. */
  handOver(user: ConnectionUser): void {
    this.#user = user;
  }

  open(): void {
    const { address } = this.#keeper;
    this.openedAtMs = this.#shared.now();
    if ('path' in address) this.socket.connect({ path: address.path });
    else this.socket.connect({ host: address.host, port: address.port, lookup: this.#shared.lookup });
  }

  /** All that was written has left. */
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
   * The request is over before its response, or before the connection stands: a FIN says so when what was written has
   * left, and the user hears when the backend has closed.
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
    // Node would read once more to where it read last, and what is there may still have to leave: then nothing is read until
    // time is up.
    if (!isLent) this.socket.resume();
  }

  /** From idle: the backend counts it until it has closed it too. */
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

  /** The backend has no more time: whoever is served ends, and it closes at once, whatever state it is in. */
  cut(): void {
    const user = this.#user;
    if (user !== undefined) guarded(user, () => user.stop('drain_timeout'));
    this.destroy();
  }

  /** Reads go to a buffer of its own from now on, which may be written on as it is. */
  lease(): void {
    if (this.#buffer === this.#shared.buffers.fromBackends) this.#buffer = this.#shared.buffers.take();
  }

  get isLeased(): boolean {
    return this.#buffer !== this.#shared.buffers.fromBackends;
  }

  /** `stillNeeded`: part of it waits in somebody's write queue, so that it cannot be used again. */
  unlease(stillNeeded: boolean): void {
    const buffer = this.#buffer;
    if (buffer === this.#shared.buffers.fromBackends) return;
    this.#buffer = this.#shared.buffers.fromBackends;
    if (!stillNeeded) this.#shared.buffers.giveBack(buffer);
  }

  /** `backendDrained` will be called when nothing waits to be written. */
  tellWhenDrained(): void {
    // Node says drain by itself only after its buffer was full; an empty write is done when those before it are.
    if (!this.socket.writableNeedDrain) this.socket.write('', 'latin1', () => this.#drained());
  }

  /** Its time is over. */
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
      // RFC 9112 §9.2: a response nobody asked for must not answer the next request.
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
