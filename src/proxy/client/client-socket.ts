/**
 * A client's socket for its connection and its exchange: writing, pausing and resuming reads, reads into leased
 * buffers, one deadline.
 */
import type { Socket } from 'node:net';
import type { PlaneContext } from '../context.ts';
import { Deadline } from '../deadlines.ts';
import type { Listener } from './listener.ts';
import { ownReads, readInto, readNextInto } from './own-reads.ts';

const NOTHING = '';

// All sockets share their event listeners, which find the connection by this key: closures cost 400 bytes per idle one.
const CONNECTION = Symbol('connection');
type Owned = Socket & { [CONNECTION]?: ClientSocket };

function onRead(this: Socket, length: number, buffer: Buffer): boolean {
  (this as Owned)[CONNECTION]?.socketRead(buffer, length);
  return true;
}

function onData(this: Socket, chunk: Buffer): void {
  (this as Owned)[CONNECTION]?.socketRead(chunk, chunk.length);
}

function onDrained(this: Socket): void {
  (this as Owned)[CONNECTION]?.socketDrained();
}

function onEnded(this: Socket): void {
  (this as Owned)[CONNECTION]?.socketEnded();
}

function onClosed(this: Socket): void {
  (this as Owned)[CONNECTION]?.socketClosed();
}

function onError(): void {}

export abstract class ClientSocket {
  readonly socket: Socket;
  readonly context: PlaneContext;
  readonly listener: Listener;
  readonly #deadline: Deadline;
  /** The buffer of the next read. */
  #buffer: Buffer;
  #pausedForBody = false;
  #pausedForSurplus = false;
  protected isClosed = false;

  constructor(socket: Socket, listener: Listener, context: PlaneContext) {
    this.socket = socket;
    this.context = context;
    this.listener = listener;
    this.#deadline = new Deadline(() => this.guarded(() => this.timedOut()));
    this.#buffer = context.buffers.fromClients;
  }

  /** Starts reporting events. */
  protected listen(): void {
    const { socket, context, listener } = this;
    this.deadlineAt(context.now() + listener.settings.timeouts.keepAliveMs);
    (socket as Owned)[CONNECTION] = this;
    const isOwn = context.settings.ownReads !== false && ownReads(socket, this.#buffer, onRead);
    if (!isOwn) socket.on('data', onData);
    socket.on('drain', onDrained);
    socket.on('end', onEnded);
    socket.on('error', onError);
    socket.on('close', onClosed);
  }

  /** The bytes are valid only until this returns, unless they are in a leased buffer. It must not throw. */
  protected abstract received(chunk: Buffer, length: number): void;
  protected abstract drained(): void;
  protected abstract ended(): void;
  protected abstract closed(): void;
  protected abstract timedOut(): void;
  protected abstract crashed(error: unknown): void;

  // ---- writes

  writeText(text: string): void {
    this.socket.write(text, 'latin1');
  }

  writeBytes(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Bytes written but not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  /** `drained` will be called when nothing is pending, unless the end is written first. */
  tellWhenDrained(): void {
    // Node emits `drain` only after its buffer was full, but the callback of an empty write runs when the writes before
    // it are done. By then later writes may be pending, from buffers that must not be reused before those are sent too.
    // A write after the end would destroy the socket with all that is pending.
    if (this.socket.writableNeedDrain || !this.socket.writable) return;
    this.socket.write(NOTHING, 'latin1', () => {
      if (this.pendingBytes > 0 && !this.isClosed) this.tellWhenDrained();
      else this.socketDrained();
    });
  }

  /** Sends nothing more, but goes on reading: one half of an upgraded connection. */
  endWriting(): void {
    this.socket.end();
  }

  /**
   * Ends without a FIN, which would look like the regular end. If our FIN is already on its way, everything was
   * written; the system would then refuse a reset and leave the socket open for good.
   */
  reset(): void {
    if (this.socket.writableEnded && this.socket.writableLength === 0) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  // ---- reads

  get isPaused(): boolean {
    return this.#pausedForBody;
  }

  pauseReading(): void {
    if (this.#pausedForBody) return;
    this.#pausedForBody = true;
    this.socket.pause();
  }

  resumeReading(): void {
    if (!this.#pausedForBody) return;
    this.#pausedForBody = false;
    if (!this.#pausedForSurplus) this.socket.resume();
  }

  protected pauseForSurplus(): void {
    if (this.#pausedForSurplus) return;
    this.#pausedForSurplus = true;
    this.socket.pause();
  }

  protected resumeSurplus(): void {
    if (!this.#pausedForSurplus) return;
    this.#pausedForSurplus = false;
    if (!this.#pausedForBody) this.socket.resume();
  }

  /** Resumes reading whatever it was paused for. */
  protected resumeAnyway(): void {
    this.#pausedForBody = false;
    this.#pausedForSurplus = false;
    this.socket.resume();
  }

  /** From now on reads go to a leased buffer, whose bytes stay valid until the next read. */
  leaseReads(): void {
    if (!this.isLeased) this.#readInto(this.context.buffers.take());
  }

  get isLeased(): boolean {
    return this.#buffer !== this.context.buffers.fromClients;
  }

  /** `stillNeeded`: part of the buffer is in a write queue, so it cannot be reused. */
  unleaseReads(stillNeeded: boolean): void {
    if (!this.isLeased) return;
    if (!stillNeeded) this.context.buffers.giveBack(this.#buffer);
    this.#readInto(this.context.buffers.fromClients);
  }

  /** Ends the lease at once and discards the buffer: part of it may still be in a write queue when more bytes arrive. */
  endLease(): void {
    if (!this.isLeased) return;
    this.#buffer = this.context.buffers.fromClients;
    readNextInto(this.socket, this.#buffer);
  }

  #readInto(buffer: Buffer): void {
    this.#buffer = buffer;
    readInto(this.socket, buffer);
  }

  // ---- time and events

  deadlineAt(atMs: number): void {
    if (this.isClosed) return;
    this.context.deadlines.set(this.#deadline, atMs);
  }

  /** For the socket's events. */
  socketDrained(): void {
    this.guarded(() => this.drained());
  }

  socketEnded(): void {
    this.guarded(() => this.ended());
  }

  socketRead(chunk: Buffer, length: number): void {
    this.received(chunk, length);
  }

  socketClosed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.context.deadlines.remove(this.#deadline);
    this.guarded(() => this.closed());
  }

  /** For events that occur at most once per connection; the hot path has its own try. */
  protected guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.crashed(error);
    }
  }
}
