/**
 * An upgraded connection: bytes as they come, both ways, each side no faster than the other takes them. A FIN is
 * passed on while the other direction finishes.
 */
import type { ClientConnection } from './client-connection.ts';
import { inOneWrite } from './response-relay.ts';
import { HIGH_WATER_BYTES, type UpstreamConnection } from './upstream/connection.ts';

export interface PipeOwner {
  /** Bytes on their way to the client. */
  piped(bytesOut: number): void;
  pipeOver(): void;
}

export class Pipe {
  readonly #owner: PipeOwner;
  readonly #client: ClientConnection;
  readonly #backend: UpstreamConnection;
  #clientEnded = false;
  #backendEnded = false;
  #isPaused = false;

  constructor(owner: PipeOwner, client: ClientConnection, backend: UpstreamConnection) {
    this.#owner = owner;
    this.#client = client;
    this.#backend = backend;
  }

  /** The 101 and what came behind it, in one write; returns how many bytes. */
  begin(head: string, rest: Buffer, from: number, to: number): number {
    this.#write(head, rest, from, to);
    return head.length + to - from;
  }

  fromBackend(buffer: Buffer, from: number, to: number): void {
    this.#owner.piped(to - from);
    this.#write('', buffer, from, to);
    if (this.#isPaused || this.#client.pendingBytes < HIGH_WATER_BYTES) return;
    this.#isPaused = true;
    this.#backend.socket.pause();
    this.#client.tellWhenDrained();
  }

  fromClient(buffer: Buffer, from: number, to: number): void {
    const whole = inOneWrite('', buffer, from, to, '');
    if (typeof whole === 'string') this.#backend.socket.write(whole, 'latin1');
    else this.#backend.socket.write(whole);
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
    const whole = inOneWrite(head, buffer, from, to, '');
    if (typeof whole === 'string') this.#client.writeText(whole);
    else this.#client.writeBytes(whole);
  }
}
