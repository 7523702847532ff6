/**
 * What an exchange asks the delegate that decides in the table's place, and what it is told. An answer that nobody
 * waits for any more is ignored.
 */
import type { OutcomeType } from '../../actors/index.ts';
import { admit } from './admission.ts';
import type { Answer, Delegate } from './delegate.ts';
import type { Exchange } from './exchange.ts';
import type { OutcomeRow } from './outcome-table.ts';
import type { DomainRoute } from './routing-table.ts';
import type { UpstreamConnection } from './upstream/connection.ts';

export class Enquiry {
  readonly #exchange: Exchange;
  readonly delegate: Delegate;
  /** What was asked and has not been answered yet. */
  waitsFor: '' | 'route' | 'send' | 'page' = '';

  constructor(exchange: Exchange, delegate: Delegate) {
    this.#exchange = exchange;
    this.delegate = delegate;
  }

  // ---- the exchange asks

  begin(): void {
    this.#waitFor('route', this.#exchange.startedAtMs);
    this.delegate.route();
  }

  /** True: the request may be sent on this connection now. */
  maySend(connection: UpstreamConnection, nowMs: number): boolean {
    if (this.delegate.prepare(connection)) return true;
    this.#waitFor('send', nowMs);
    return false;
  }

  askForPage(type: OutcomeType): void {
    const page = this.delegate.page(type);
    if (page === 'later') this.#waitFor('page', this.#exchange.context.now());
    else this.#exchange.tellPage(page);
  }

  outOfPatience(): void {
    const what = this.waitsFor;
    this.waitsFor = '';
    if (what === 'page') this.#exchange.tellPage(undefined);
    else this.#exchange.fail('internal_error', `no decision in time: ${what}`);
  }

  #waitFor(what: 'route' | 'send' | 'page', nowMs: number): void {
    this.waitsFor = what;
    this.#exchange.client.deadlineAt(nowMs + this.delegate.patienceMs);
  }

  // ---- the delegate answers

  found(domain: DomainRoute): void {
    if (this.waitsFor !== 'route') return;
    this.waitsFor = '';
    admit(this.#exchange, domain);
  }

  /** Another answer than a backend's, which is no failure. */
  redirect(answer: Answer): void {
    const exchange = this.#exchange;
    if (!exchange.conclude({ type: 'redirected', phase: exchange.phase })) return;
    this.waitsFor = '';
    exchange.reply(answer);
  }

  /** `row`: how it shows, where that is not as the table says. */
  turnAway(type: OutcomeType, detail: string, row?: OutcomeRow): void {
    if (this.#exchange.outcome !== undefined) return;
    this.#exchange.row = row;
    this.#exchange.fail(type, detail);
  }

  proceed(): void {
    if (this.waitsFor !== 'send') return;
    this.waitsFor = '';
    this.#exchange.forwarding?.proceed();
  }

  /** Undefined: the router's own page. */
  tell(page: Answer | undefined): void {
    if (this.waitsFor !== 'page') return;
    this.waitsFor = '';
    this.#exchange.tellPage(page);
  }
}
