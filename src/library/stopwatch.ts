/** Times each part of a request, and counts the bytes on the backend's socket for it. */
import type { Socket } from 'node:net';
import type { Phase } from '../../actors/index.ts';
import type { Delegated } from '../proxy/index.ts';
import type { Figures } from './decisions.ts';
import { pairs } from './incoming-request.ts';

export class Stopwatch {
  readonly #exchange: Delegated;
  #respondedAtMs = -1;
  #endedAtMs = -1;
  #socket: Socket | undefined;
  #writtenBefore = 0;
  #readBefore = 0;
  #bytesToBackend = 0;
  #bytesFromBackend = 0;

  constructor(exchange: Delegated) {
    this.#exchange = exchange;
  }

  entered(phase: Phase): void {
    if (phase === 'respond' || phase === 'pipe') this.#respondedAtMs = this.#exchange.context.now();
  }

  /** Leaves out what the socket carried for earlier requests. */
  over(socket: Socket): void {
    this.#count();
    this.#socket = socket;
    this.#writtenBefore = socket.bytesWritten;
    this.#readBefore = socket.bytesRead;
  }

  stop(): void {
    this.#endedAtMs = this.#exchange.context.now();
    this.#count();
  }

  #count(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#bytesToBackend += socket.bytesWritten - this.#writtenBefore;
    this.#bytesFromBackend += socket.bytesRead - this.#readBefore;
    this.#socket = undefined;
  }

  get routeMs(): number | undefined {
    return between(this.#exchange.startedAtMs, this.#exchange.connectStartedMs);
  }

  get connectMs(): number | undefined {
    return between(this.#exchange.connectStartedMs, this.#exchange.connectedAtMs);
  }

  figures(attempts: number): Figures {
    const { body, bytesOut, connectedAtMs, responseHead, startedAtMs, status } = this.#exchange;
    return {
      receivedAtMs: startedAtMs,
      routeMs: this.routeMs,
      connectMs: this.connectMs,
      waitMs: between(connectedAtMs, this.#respondedAtMs),
      responseMs: between(this.#respondedAtMs, this.#endedAtMs),
      totalMs: Math.round(this.#endedAtMs - startedAtMs),
      attempts,
      status,
      bytesFromClient: body?.bytes ?? 0,
      bytesToClient: bytesOut,
      bytesToBackend: this.#bytesToBackend,
      bytesFromBackend: this.#bytesFromBackend,
      response: responseHead && { status: responseHead.status, headers: pairs(responseHead.fields) },
    };
  }
}

function between(fromMs: number, toMs: number): number | undefined {
  return fromMs < 0 || toMs < 0 ? undefined : Math.max(0, Math.round(toMs - fromMs));
}
