/** One request that a program decides about: its callbacks in order, and the effect of each. */
import { BLAME, type OutcomeType, type Phase, type Outcome as RequestOutcome } from '../../actors/index.ts';
import type { DomainSettings } from '../../eventlog/index.ts';
import { describeFound } from '../config/index.ts';
import {
  type Answer,
  type Delegate,
  type Delegated,
  type DomainFeatures,
  type DomainRoute,
  PLAIN,
  type PoolRoute,
} from '../proxy/index.ts';
import { fieldKey } from '../wire/index.ts';
import { answerOf, fieldsOf, isRedirect, redirection, replacedBy } from './answers.ts';
import type { BackendBook } from './backend-book.ts';
import type { Decisions, Direction, ErrorPage, Feature, Later, Outcome, Reason } from './decisions.ts';
import { RequestFacts } from './incoming-request.ts';
import { isRefusal, type Refusal, refusedBy } from './refusals.ts';
import { type LedgerOwner, ServiceLedger } from './service-ledger.ts';
import { Stopwatch } from './stopwatch.ts';

/** What all requests of one program share. */
export type Delegation<Domain, Service, State> = {
  readonly decisions: Decisions<Domain, Service, State>;
  readonly patienceMs: number;
  readonly pool: PoolRoute['settings'];
  readonly book: BackendBook;
  readonly domain: DomainSettings;
  /** Names of the fields that tell the backend how long things took; undefined: none. */
  readonly connectTime: string | undefined;
  readonly totalRouteTime: string | undefined;
  readonly report: (callback: string, error: unknown, requestId: string) => void;
};

const POOL = 'library';

export class DelegatedRequest<Domain, Service, State> implements Delegate, LedgerOwner<Domain, State> {
  readonly exchange: Delegated;
  readonly facts: RequestFacts<State>;
  readonly stopwatch: Stopwatch;
  readonly #delegation: Delegation<Domain, Service, State>;
  readonly #ledger: ServiceLedger<Domain, Service, State>;
  #domain: Domain | undefined;
  #features: DomainFeatures = PLAIN;
  #reason: Reason | undefined;
  #preparation: 'none' | 'asked' | 'done' = 'none';
  #upstream: readonly string[] = [];
  #isOver = false;
  #isFinished = false;

  constructor(exchange: Delegated, delegation: Delegation<Domain, Service, State>) {
    this.exchange = exchange;
    this.#delegation = delegation;
    this.facts = new RequestFacts(exchange, undefined as State);
    this.stopwatch = new Stopwatch(exchange);
    this.#ledger = new ServiceLedger(this, delegation.decisions, delegation.book);
  }

  get patienceMs(): number {
    return this.#delegation.patienceMs;
  }

  /** Called only after the lookup has found a domain. */
  get domain(): NonNullable<Domain> {
    return this.#domain as NonNullable<Domain>;
  }

  // ---- Delegate

  route(): void {
    void this.#asking('init', async (call) => {
      const { decisions } = this.#delegation;
      const host = this.exchange.head.domain;
      if (decisions.init !== undefined) {
        this.facts.state = await decisions.init(this.facts as RequestFacts<undefined>);
        if (this.#hasEnded) return;
        this.#next(call, 'lookupDomain');
      } else call.name = 'lookupDomain';
      const found =
        decisions.lookupDomain === undefined
          ? { domain: host as Domain }
          : await decisions.lookupDomain(host, this.facts);
      if (this.#hasEnded) return;
      if (found === undefined) this.refused({ refuse: 'domain_unknown' });
      else if (isRefusal(found)) this.refused(found);
      else if (isRedirect(found)) {
        const scheme = this.facts.client.isSecure ? 'https' : 'http';
        const answer = redirection(found, scheme, this.facts.target);
        this.#safely(() => this.exchange.enquiry?.redirect(answer));
      } else await this.#found(found, call);
    });
  }

  async #found(found: { readonly domain: Domain }, call: Call): Promise<void> {
    this.#domain = found.domain;
    if (this.exchange.head.expectContinue && (await this.#isEnabled('end-to-end-continue', call)))
      this.#features = { ...PLAIN, continue: 'end-to-end' };
    const { domain: settings, pool } = this.#delegation;
    const ledger = this.#ledger;
    const self = this;
    const route: DomainRoute = {
      name: this.exchange.head.domain,
      settings,
      pool: { name: POOL, key: 0, settings: pool, backends: ledger.backends, ledger },
      get features() {
        return self.#features;
      },
    };
    this.#safely(() => this.exchange.enquiry?.found(route));
  }

  prepare(connection: Parameters<Delegate['prepare']>[0]): boolean {
    this.#ledger.connected();
    this.stopwatch.over(connection.socket);
    if (this.#preparation === 'none') this.#prepare();
    if (this.#preparation === 'done') this.#stamp();
    return this.#preparation === 'done';
  }

  #prepare(): void {
    const { additionalHeaders, feature } = this.#delegation.decisions;
    const asksForPort = this.exchange.client.preface !== undefined && feature !== undefined;
    if (!asksForPort && additionalHeaders === undefined) {
      this.#preparation = 'done';
      return;
    }
    this.#preparation = 'asked';
    void this.#asking('feature', async (call) => {
      const upstream: string[] = [];
      if (asksForPort && (await this.#isEnabled('peer-port', call)))
        upstream.push('X-Forwarded-Peer-Port', `${this.facts.client.port}`);
      if (this.#hasEnded) return;
      const more = await this.#additional('upstream', call);
      if (this.#hasEnded) return;
      const responseFields = await this.#additional('downstream', call);
      if (this.#hasEnded) return;
      this.#upstream = without(upstream, replacedBy(more)).concat(more);
      this.#features = { ...this.#features, responseFields, responseNames: replacedBy(responseFields) };
      this.#preparation = 'done';
      this.#stamp();
      this.#safely(() => this.exchange.enquiry?.proceed());
    });
  }

  async #additional(direction: Direction, call: Call): Promise<string[]> {
    this.#next(call, 'additionalHeaders');
    return fieldsOf(await this.#delegation.decisions.additionalHeaders?.(direction, this.facts));
  }

  async #isEnabled(feature: Feature, call: Call): Promise<boolean> {
    this.#next(call, 'feature');
    const answer: unknown = await this.#delegation.decisions.feature?.(feature, this.facts);
    if (answer !== undefined && answer !== 'enabled' && answer !== 'disabled')
      throw new TypeError(`expected enabled or disabled for ${feature}, found ${describeFound(answer)}`);
    return answer === 'enabled';
  }

  /** Adds to the fields sent to the backend: times first, which the program may replace. */
  #stamp(): void {
    const { connectTime, totalRouteTime } = this.#delegation;
    const { connectMs, routeMs } = this.stopwatch;
    const times: string[] = [];
    if (connectTime !== undefined) times.push(connectTime, `${connectMs ?? 0}`);
    if (totalRouteTime !== undefined) times.push(totalRouteTime, `${routeMs ?? 0}`);
    const requestFields = without(times, replacedBy(this.#upstream)).concat(this.#upstream);
    if (requestFields.length === 0) return;
    this.#features = { ...this.#features, requestFields, requestNames: replacedBy(requestFields) };
  }

  /** A page that is available at once is sent at once, even if the router closes at this moment. */
  page(type: OutcomeType): Answer | undefined | 'later' {
    try {
      const made = this.#delegation.decisions.errorPage?.(this.#reason ?? type, this.#domain, this.facts);
      if (!isLater(made)) return pageOf(made);
      void this.#page(made);
      return 'later';
    } catch (error) {
      this.reported('errorPage', error);
      return undefined;
    }
  }

  async #page(made: PromiseLike<ErrorPage | undefined>): Promise<void> {
    let page: Answer | undefined;
    try {
      page = pageOf(await made);
    } catch (error) {
      this.reported('errorPage', error);
    }
    this.#safely(() => this.exchange.enquiry?.tell(page));
  }

  ended(): void {
    this.#isOver = true;
    this.stopwatch.stop();
    if (BLAME[(this.exchange.outcome as RequestOutcome).type] !== 'nobody') this.facts.abort();
    this.#finish();
  }

  /** Called by the plane's observer. */
  entered(phase: Phase): void {
    this.stopwatch.entered(phase);
  }

  // ---- LedgerOwner

  refused(refusal: Refusal): void {
    const { type, row } = refusedBy(refusal);
    this.#reason = refusal.refuse;
    this.#safely(() => this.exchange.enquiry?.turnAway(type, refusal.refuse, row));
  }

  failed(callback: string, error: unknown): void {
    this.reported(callback, error);
    this.#safely(() => this.exchange.enquiry?.turnAway('internal_error', `${callback} failed`));
  }

  reported(callback: string, error: unknown): void {
    this.#delegation.report(callback, error, this.facts.id);
  }

  reason(): Reason | undefined {
    const { outcome } = this.exchange;
    if (outcome === undefined) return undefined;
    return BLAME[outcome.type] === 'nobody' ? 'normal' : (this.#reason ?? outcome.type);
  }

  rested(): void {
    this.#finish();
  }

  // ---- the end

  /** When the client has its response and the service is checked in, whichever comes later. */
  #finish(): void {
    if (!this.#isOver || this.#isFinished || !this.#ledger.isResting) return;
    this.#isFinished = true;
    if (this.#delegation.decisions.finished !== undefined) void this.#finished();
  }

  async #finished(): Promise<void> {
    const outcome = this.exchange.outcome as RequestOutcome;
    const { type } = outcome;
    const told: Outcome = { ...outcome, reason: this.#reason ?? type, blame: BLAME[type] };
    const figures = this.stopwatch.figures(this.#ledger.attempts);
    try {
      await this.#delegation.decisions.finished?.(this.facts, told, figures);
    } catch (error) {
      this.reported('finished', error);
    }
  }

  get #hasEnded(): boolean {
    return this.exchange.outcome !== undefined;
  }

  /** Runs callbacks one after another; if one fails, the request ends with an error that names it. */
  async #asking(first: string, work: (call: Call) => Promise<void>): Promise<void> {
    const call: Call = { name: first };
    try {
      await work(call);
    } catch (error) {
      this.failed(call.name, error);
    }
  }

  /** Each callback may take as long as the first. */
  #next(call: Call, name: string): void {
    call.name = name;
    this.#safely(() => this.exchange.enquiry?.partly());
  }

  /** Our own mistakes cost this request alone, as they do in the plane. */
  #safely(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.exchange.crashed(error);
    }
  }
}

type Call = { name: string };

function isLater<T>(made: Later<T>): made is PromiseLike<T> {
  return typeof made === 'object' && made !== null && 'then' in made && typeof made.then === 'function';
}

function pageOf(made: ErrorPage | undefined): Answer | undefined {
  return made === undefined ? undefined : answerOf(made);
}

function without(fields: readonly string[], names: ReadonlySet<string> | undefined): string[] {
  return fields.filter((_, at) => names?.has(fieldKey(fields[at - (at % 2)] ?? '')) !== true);
}
