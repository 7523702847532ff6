/**
 * One request and its response, from the complete head to the end: look at the domain, ask the pool for a lease,
 * connect, forward both ways, give the lease back, say how it ended.
 *
 *   admission ─▶ tenancy ─▶ forwarding ─▶ responding     each in the file of that name
 *       │            │           │            │
 *       └────────────┴───────────┴────────────┴─▶ end    in `ProxiedRequest`, which holds what the parts share
 */
import type { OutcomeType, RequestStop } from '../../actors/index.ts';
import { rowOf } from './answer/outcome-table.ts';
import { ownAnswer } from './answer/own-answer.ts';
import { Enquiry } from './enquiry.ts';
import { Forwarding } from './forward/forwarding.ts';
import { RequestBody } from './forward/request-body.ts';
import type { Tenant } from './lease/tenancy.ts';
import type { Sleeper } from './lease/wakes.ts';
import { ProxiedRequest } from './proxied-request.ts';
import { LARGE_BYTES } from './read-buffers.ts';
import { admit, askForLease, awaitLedger } from './route/admission.ts';
import type { BackendRoute, PoolRoute } from './routing-table.ts';

export class Exchange extends ProxiedRequest implements Tenant, Sleeper {
  override forwarding: Forwarding | undefined = undefined;
  override enquiry: Enquiry | undefined = undefined;
  wakes = 0;

  // ---- head → route → checkout

  /** The head is complete. Takes the body bytes that follow it; returns where it stopped. */
  begin(buffer: Buffer, from: number, end: number): number {
    this.context.counters.requests++;
    this.context.counters.inFlight++;
    if (this.head.framing === 'none') {
      this.#start();
      return from;
    }
    const body = new RequestBody(this.head, this.client.listener.settings.limits, this.context.writes);
    this.body = body;
    const at = body.first(buffer, from, end);
    this.#start();
    body.hold();
    return at;
  }

  /** For a refused head. If its domain could be read and is unknown, the request ends as domain_unknown instead. */
  refuse(outcome: OutcomeType, detail: string): void {
    this.context.counters.requests++;
    this.context.counters.inFlight++;
    try {
      this.#refuse(outcome, detail);
    } catch (error) {
      this.crashed(error);
    }
  }

  #refuse(outcome: OutcomeType, detail: string): void {
    const { context, head } = this;
    context.table.fence();
    this.position = context.table.position ?? 0;
    this.domain = head.domain === '' ? undefined : context.table.lookup(head.domain);
    const isUnknown = head.domain !== '' && this.domain === undefined && rowOf(outcome).code !== '';
    if (isUnknown) this.fail('domain_unknown');
    else this.fail(outcome, detail);
  }

  /** An exception of ours ends this request only: the previous one may just be ending, and more may be queued behind it. */
  #start(): void {
    try {
      this.#route();
    } catch (error) {
      this.crashed(error);
    }
  }

  #route(): void {
    const { context, head } = this;
    this.enter('route');
    const own = ownAnswer(this.client, head);
    if (own !== undefined) {
      if (this.conclude({ type: 'answered', phase: this.phase })) this.reply(own);
      return;
    }
    if (context.delegate !== undefined) {
      this.enquiry = new Enquiry(this, context.delegate(this));
      this.enquiry.begin();
      return;
    }
    context.table.fence();
    this.position = context.table.position ?? 0;
    const domain = context.table.lookup(head.domain);
    if (domain === undefined) this.fail('domain_unknown');
    else admit(this, domain);
  }

  /** The wait for the ledger is over, successfully or not. The pool may have changed or been removed meanwhile. */
  goOn(): void {
    const { context } = this;
    context.table.fence();
    const pool = (this.pool as PoolRoute).backends.size === 0 ? undefined : this.pool;
    if (pool === undefined) this.fail('no_backends');
    else askForLease(this, pool);
  }

  // ---- Tenant

  /** The pool's ledger was freed a moment ago. */
  asleep(): void {
    awaitLedger(this, this.pool as PoolRoute);
  }

  waits(untilMs: number): void {
    if (this.connectedAtMs >= 0) this.forgetTimes();
    this.client.deadlineAt(untilMs);
  }

  /** An attempt that failed ended in its own phase, although the request has asked for another backend since. */
  refused(outcome: OutcomeType): void {
    if (outcome === 'connect_refused' || outcome === 'connect_timeout') this.phase = 'connect';
    else if (outcome === 'closed_without_response' || outcome === 'first_byte_timeout') this.phase = 'send';
    this.fail(outcome);
  }

  leased(backend: BackendRoute): void {
    this.enter('connect');
    this.backend = backend;
    const pool = this.pool as PoolRoute;
    if (pool.settings.affinity !== false) this.context.affinity.served(this, pool, backend);
    this.forwarding ??= new Forwarding(this, pool);
    this.forwarding.to(backend);
  }

  // ---- the client's side

  /** Bytes that arrive while this request is read; returns the offset of the first that is not its own. */
  clientBytes(buffer: Buffer, from: number, end: number): number {
    const { forwarding, body } = this;
    // RFC 9110 §7.8: a backend may switch protocols before it has the whole request; the rest of it still comes first.
    const at = body === undefined || body.isDone ? from : this.#bodyBytes(body, buffer, from, end);
    const pipe = forwarding?.responding?.pipe;
    if (pipe === undefined || at === end || this.outcome !== undefined) return at;
    pipe.fromClient(buffer, at, end);
    forwarding?.awaitBytes(this.context.now());
    return end;
  }

  #bodyBytes(body: RequestBody, buffer: Buffer, from: number, end: number): number {
    // The request has ended and waits for its page: drop the rest of the body.
    if (this.outcome !== undefined) return end;
    const at = body.take(buffer, from, end, this.client.isLeased);
    if (body.refusal !== undefined) this.bodyRefused();
    else {
      if (body.isDone) this.client.unleaseReads(body.isLent);
      else if (body.isFull) this.#pauseClient(body);
      else if (end - from >= LARGE_BYTES) this.client.leaseReads();
      if (this.#isSent) this.forwarding?.awaitBytes(this.context.now());
    }
    return at;
  }

  get #isSent(): boolean {
    return this.phase === 'send' || this.phase === 'respond' || this.phase === 'pipe';
  }

  #pauseClient(body: RequestBody): void {
    this.client.pauseReading();
    if (body.isLent) this.forwarding?.connection?.tellWhenDrained();
  }

  /** A FIN from the client. RFC 9112 §9.6: after a complete request it may be only a half-close. */
  clientEnded(halfClose: boolean): void {
    const pipe = this.forwarding?.responding?.pipe;
    if (pipe !== undefined) pipe.clientEnded();
    else if (!(halfClose && this.isUploadDone)) this.#clientLeft();
  }

  clientGone(): void {
    const responding = this.forwarding?.responding;
    if (responding?.pipe !== undefined) responding.pipeOver();
    else this.#clientLeft();
  }

  #clientLeft(): void {
    if (this.enquiry?.waitsFor !== 'page') {
      this.stop('client_closed');
      return;
    }
    this.enquiry.waitsFor = '';
    this.end(this.context.now());
    this.client.cut('gone');
  }

  /** A request that is cut off does not wait for a page. */
  override stop(reason: RequestStop): void {
    super.stop(reason);
    if (reason === 'forced_close' && this.enquiry?.waitsFor === 'page') this.enquiry.outOfPatience();
  }

  /** The bytes written to the client have been sent. */
  clientDrained(): void {
    this.forwarding?.responding?.clientDrained();
  }

  deadlinePassed(nowMs: number): void {
    if (this.enquiry !== undefined && this.enquiry.waitsFor !== '') this.enquiry.outOfPatience();
    else if (this.phase === 'checkout') this.refused(this.tenancy?.giveUp(nowMs) ?? 'owner_unavailable');
    else if (this.forwarding !== undefined) this.forwarding.deadlinePassed(nowMs);
    else this.fail('internal_error', `deadline in phase ${this.phase}`);
  }
}
