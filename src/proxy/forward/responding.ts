/**
 * A backend's response as the client gets it: interim heads, the head, the body no faster than the client takes it,
 * or a pipe.
 */
import { RESPONDED } from '../../../actors/index.ts';
import {
  type ResponseHead,
  type ResponseLimits,
  type ResponseRefusal,
  type TrailerLimits,
  viaLine,
  writeInterimHead,
  writeResponseHead,
} from '../../wire/index.ts';
import { outcomeOfResponse } from '../answer/refusals.ts';
import { HIGH_WATER_BYTES } from '../high-water.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import { LARGE_BYTES } from '../read-buffers.ts';
import type { DomainRoute, PoolRoute } from '../routing-table.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { Pipe, type PipeOwner } from './pipe.ts';
import { type RelayOwner, ResponseRelay } from './response-relay.ts';

/** What sent the request. */
export interface Sender {
  /** Restarts the time-out for the next bytes. */
  awaitBytes(nowMs: number): void;
  /** The same, but for the final head that is still to come there is a limit in all. */
  awaitHead(nowMs: number): void;
  /** True: this response is not relayed, since another backend has been asked. */
  retryOnStatus(status: number): boolean;
  /** The response is complete: the connection is kept or closed. */
  letGo(isClean: boolean, head: ResponseHead, nowMs: number): void;
}

export class Responding implements RelayOwner, PipeOwner {
  readonly #request: ProxiedRequest;
  readonly #sender: Sender;
  readonly #connection: UpstreamConnection;
  readonly #relay: ResponseRelay;
  /** Set once the connection is upgraded. */
  pipe: Pipe | undefined = undefined;
  /** A byte of the response has arrived. */
  hasBegun = false;
  /** The backend is not read until the client has taken what is written. */
  isPaused = false;
  #keepAlive = false;
  #endsWithConnection = false;

  constructor(request: ProxiedRequest, sender: Sender, connection: UpstreamConnection) {
    this.#request = request;
    this.#sender = sender;
    this.#connection = connection;
    this.#relay = new ResponseRelay(this, connection);
  }

  get head(): ResponseHead | undefined {
    return this.#relay.head;
  }

  /** The response ends with the connection, so a truncated one must not end with a FIN. */
  get isEndless(): boolean {
    return this.#endsWithConnection || this.pipe !== undefined;
  }

  // ---- the two connections

  take(buffer: Buffer, length: number): void {
    const { context } = this.#request;
    if (!this.hasBegun && context.journal !== undefined) this.#request.firstByteAtMs = context.now();
    this.hasBegun = true;
    if (this.pipe === undefined) this.#relay.take(buffer, length);
    else {
      this.pipe.fromBackend(buffer, 0, length);
      this.#awaitBytes();
    }
  }

  backendEnded(): void {
    if (this.pipe !== undefined) this.pipe.backendEnded();
    else if (this.#relay.endWithConnection()) this.responseComplete(false);
    else this.#connection.destroy();
  }

  /** The bytes written to the client have been sent. */
  clientDrained(): void {
    this.pipe?.clientDrained();
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#connection.socket.resume();
    this.#awaitBytes();
  }

  #awaitBytes(): void {
    const nowMs = this.#request.context.now();
    if (this.#relay.head === undefined) this.#sender.awaitHead(nowMs);
    else this.#sender.awaitBytes(nowMs);
  }

  // ---- RelayOwner

  /** No status leads to a retry. */
  get #takesAnyStatus(): boolean {
    return (this.#request.pool as PoolRoute).settings.retries.statuses.length === 0;
  }

  get responseLimits(): ResponseLimits {
    return (this.#request.pool as PoolRoute).settings.limits;
  }

  get trailerLimits(): TrailerLimits {
    return this.#request.client.listener.settings.limits;
  }

  get method(): string {
    return this.#request.head.method;
  }

  get clientVersion(): 0 | 1 {
    return this.#request.head.version;
  }

  get replaced(): ReadonlySet<string> | undefined {
    return this.#request.domain?.features.responseNames;
  }

  headBegun(): void {
    // If a status may lead to a retry, the body is kept until the status is known.
    if (this.#takesAnyStatus) this.#request.body?.letGo();
    this.#awaitBytes();
  }

  /** RFC 9110 §15.2: no interim response for HTTP/1.0; and no 100 if the router itself answers the expectation. */
  interim(head: ResponseHead): string {
    const request = this.#request;
    const asked = request.head;
    const isOurs =
      head.status === 100 && asked.expectContinue && request.domain?.features.continue === 'router';
    return asked.version === 1 && !isOurs ? writeInterimHead(head) : '';
  }

  passInterim(text: string): void {
    const request = this.#request;
    request.bytesOut += text.length;
    request.client.writeText(text);
    // A backend may send any number of them to a client that does not read.
    if (request.client.pendingBytes >= HIGH_WATER_BYTES) this.#pause();
  }

  headComplete(head: ResponseHead, rest: Buffer, from: number, to: number): string | undefined {
    const request = this.#request;
    const asked = request.head;
    request.tenancy?.answered(head.status);
    if (this.#sender.retryOnStatus(head.status)) return undefined;
    request.body?.letGo();
    if (head.status === 101) {
      this.#upgrade(head, rest, from, to);
      return undefined;
    }
    request.enter('respond');
    request.status = head.status;
    this.#endsWithConnection =
      head.framing === 'close' || (head.framing === 'chunked' && asked.version === 0);
    this.#keepAlive =
      asked.keepAlive && request.isUploadDone && !this.#endsWithConnection && !request.context.isDraining;
    return this.#responseHead(head);
  }

  #responseHead(head: ResponseHead): string {
    const { choice, client, context, domain, head: asked } = this.#request;
    const { features } = domain as DomainRoute;
    const writing = {
      clientVersion: asked.version,
      keepAlive: this.#keepAlive,
      date: context.date.at(context.deadlines.turnedAtMs),
      replaced: features.responseNames,
    };
    let lines = viaLine(head, client.hop.pseudonym);
    if (choice !== undefined && choice.setCookie !== '') lines += `Set-Cookie: ${choice.setCookie}\r\n`;
    return writeResponseHead(head, features.responseFields, writing, lines);
  }

  pass(text: string, buffer: Buffer, from: number, to: number, tail: string): void {
    const request = this.#request;
    const connection = this.#connection;
    const { client } = request;
    request.bytesOut += text.length + to - from + tail.length;
    if (connection.isLeased && text === '' && tail === '') {
      client.writeBytes(buffer.subarray(from, to));
      // The buffer is in the write queue until flushed, so nothing may be read into it before.
      if (client.pendingBytes > 0) this.#pause();
    } else {
      request.context.writes.range(client.socket, text, buffer, from, to, tail);
      if (client.pendingBytes >= HIGH_WATER_BYTES) this.#pause();
    }
    if (tail !== '' || request.phase !== 'respond') return;
    const left = this.#relay.bytesLeft;
    if (left === 0) return;
    if (to - from >= LARGE_BYTES || (left >= LARGE_BYTES && left !== Number.POSITIVE_INFINITY))
      connection.lease();
    this.#awaitBytes();
  }

  #pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#connection.socket.pause();
    this.#request.client.tellWhenDrained();
  }

  responseRefused(refusal: ResponseRefusal): void {
    this.#request.fail(outcomeOfResponse(refusal), refusal.detail);
  }

  bodyRefused(detail: string): void {
    this.#request.fail('response_invalid', detail);
  }

  responseComplete(isClean: boolean): void {
    const request = this.#request;
    if (!request.conclude(RESPONDED)) return;
    const nowMs = request.context.now();
    if (this.isPaused) this.#connection.socket.resume();
    this.#sender.letGo(isClean, this.#relay.head as ResponseHead, nowMs);
    request.end(nowMs);
    if (request.head.keepAlive || !request.isUploadDone) request.client.done(this.#keepAlive, nowMs);
    else request.client.leave(nowMs);
  }

  // ---- upgrade

  #upgrade(head: ResponseHead, rest: Buffer, from: number, to: number): void {
    const request = this.#request;
    const { client, context } = request;
    if (request.head.upgrade === '' || head.upgrade === '') {
      request.fail('response_invalid', 'an upgrade nobody asked for');
      return;
    }
    request.enter('pipe');
    request.status = 101;
    const pipe = new Pipe(this, client, this.#connection, context.writes);
    this.pipe = pipe;
    request.bytesOut += pipe.begin(this.#responseHead(head), rest, from, to);
    const early = client.takeSurplus();
    if (early !== undefined) pipe.fromClient(early, 0, early.length);
    if (client.hasEnded) pipe.clientEnded();
    this.#awaitBytes();
  }

  piped(bytesIn: number, bytesOut: number): void {
    this.#request.pipedIn += bytesIn;
    this.#request.bytesOut += bytesOut;
  }

  /** Both sides have sent a FIN, or one has closed. */
  pipeOver(): void {
    const request = this.#request;
    if (!request.conclude({ type: 'upgraded', phase: 'pipe' })) return;
    request.abandonBackend();
    request.end(request.context.now());
    request.client.done(false);
  }
}
