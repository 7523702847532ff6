/** A request's questions to its delegate, and the answers. An answer that nobody waits for any more is ignored. */
import type { OutcomeType } from '../../actors/index.ts';
import type { OutcomeRow } from './answer/outcome-table.ts';
import type { Answer } from './answer/reply.ts';
import type { Delegate, Verdicts } from './delegate.ts';
import type { DelegateSide } from './proxied-request.ts';
import { type Applicant, admit } from './route/admission.ts';
import type { DomainRoute } from './routing-table.ts';
import type { UpstreamConnection } from './upstream/connection.ts';

export class Enquiry implements DelegateSide, Verdicts {
  readonly #request: Applicant;
  readonly delegate: Delegate;
  waitsFor: '' | 'route' | 'send' | 'page' = '';

  constructor(request: Applicant, delegate: Delegate) {
    this.#request = request;
    this.delegate = delegate;
  }

  // ---- the request asks

  begin(): void {
    this.#waitFor('route', this.#request.startedAtMs);
    this.delegate.route();
  }

  maySend(connection: UpstreamConnection, nowMs: number): boolean {
    if (this.delegate.prepare(connection)) return true;
    this.#waitFor('send', nowMs);
    return false;
  }

  askForPage(type: OutcomeType): void {
    const page = this.delegate.page(type);
    if (page === 'later') this.#waitFor('page', this.#request.context.now());
    else this.#request.tellPage(page);
  }

  outOfPatience(): void {
    const what = this.waitsFor;
    this.waitsFor = '';
    if (what === 'page') this.#request.tellPage(undefined);
    else this.#request.fail('internal_error', `no decision in time: ${what}`);
  }

  #waitFor(what: 'route' | 'send' | 'page', nowMs: number): void {
    this.waitsFor = what;
    this.#request.client.deadlineAt(nowMs + this.delegate.patienceMs);
  }

  // ---- the delegate answers

  partly(): void {
    if (this.waitsFor !== '') this.#waitFor(this.waitsFor, this.#request.context.now());
  }

  found(domain: DomainRoute): void {
    if (this.waitsFor !== 'route') return;
    this.waitsFor = '';
    admit(this.#request, domain);
  }

  redirect(answer: Answer): void {
    const request = this.#request;
    if (!request.conclude({ type: 'redirected', phase: request.phase })) return;
    this.waitsFor = '';
    request.reply(answer);
  }

  turnAway(type: OutcomeType, detail: string, row?: OutcomeRow): void {
    if (this.#request.outcome !== undefined) return;
    this.#request.row = row;
    this.#request.fail(type, detail);
  }

  proceed(): void {
    if (this.waitsFor !== 'send') return;
    this.waitsFor = '';
    this.#request.forwarding?.proceed();
  }

  /** Undefined: the router's own page. */
  tell(page: Answer | undefined): void {
    if (this.waitsFor !== 'page') return;
    this.waitsFor = '';
    this.#request.tellPage(page);
  }
}
