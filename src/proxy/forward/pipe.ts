/**
 * An upgraded connection: bytes in both directions, each no faster than the receiver takes them. A FIN is passed on
 * while the other direction finishes.
 */
import type { ClientSocket } from '../client/client-socket.ts';
import { HIGH_WATER_BYTES } from '../high-water.ts';
import type { OneWrite } from '../one-write.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';

export interface PipeOwner {
  /** Bytes relayed: from the client, to the client. */
  piped(bytesIn: number, bytesOut: number): void;
  pipeOver(): void;
}

export class Pipe {
  readonly #owner: PipeOwner;
  readonly #client: ClientSocket;
  readonly #backend: UpstreamConnection;
  readonly #writes: OneWrite;
  #clientEnded = false;
  #backendEnded = false;
  #isPaused = false;

  constructor(owner: PipeOwner, client: ClientSocket, backend: UpstreamConnection, writes: OneWrite) {
    this.#owner = owner;
    this.#client = client;
    this.#backend = backend;
    this.#writes = writes;
  }

  /** Both sides have sent a FIN; their last bytes may still be on the way. */
  get isOver(): boolean {
    return this.#clientEnded && this.#backendEnded;
  }

  /** Writes the 101 and the bytes that followed it at once; returns the number of bytes. */
  begin(head: string, rest: Buffer, from: number, to: number): number {
    this.#write(head, rest, from, to);
    return head.length + to - from;
  }

  fromBackend(buffer: Buffer, from: number, to: number): void {
    this.#owner.piped(0, to - from);
    this.#write('', buffer, from, to);
    if (this.#isPaused || this.#client.pendingBytes < HIGH_WATER_BYTES) return;
    this.#isPaused = true;
    this.#backend.socket.pause();
    this.#client.tellWhenDrained();
  }

  fromClient(buffer: Buffer, from: number, to: number): void {
    this.#owner.piped(to - from, 0);
    this.#writes.range(this.#backend.socket, '', buffer, from, to, '');
    if (this.#backend.socket.writableLength >= HIGH_WATER_BYTES) this.#client.pauseReading();
  }

  clientDrained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#backend.socket.resume();
  }

  clientEnded(): void {
    this.#clientEnded = true;
    this.#backend.socket.end();
    if (this.#backendEnded) this.#owner.pipeOver();
  }

  backendEnded(): void {
    this.#backendEnded = true;
    if (this.#clientEnded) this.#owner.pipeOver();
    else this.#client.endWriting();
  }

  #write(head: string, buffer: Buffer, from: number, to: number): void {
    this.#writes.range(this.#client.socket, head, buffer, from, to, '');
  }
}
