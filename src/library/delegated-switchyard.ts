/** A router in which the program makes every decision. */
import { randomBytes } from 'node:crypto';
import type { Ledger, RequestActor } from '../../actors/index.ts';
import { type Delegated, type DomainRoute, PLAIN, type RoutingTable } from '../proxy/index.ts';
import type { RequestMetricsSnapshot } from '../telemetry/request-metrics.ts';
import { BackendBook } from './backend-book.ts';
import type { Decisions } from './decisions.ts';
import { DelegatedRequest, type Delegation } from './delegated-request.ts';
import { frontPlane, openAll } from './front.ts';
import { Lifetime } from './lifetime.ts';
import {
  BACKEND_SETTINGS,
  type CommonOptions,
  DOMAIN_SETTINGS,
  durationOf,
  fieldNameOf,
  type PoolOptions,
  poolSettingsOf,
  processOf,
} from './options.ts';
import { lineWriter, reporter } from './reporting.ts';

export type DelegatedOptions<Domain, Service, State> = CommonOptions &
  PoolOptions & {
    readonly decisions: Decisions<Domain, Service, State>;
    /** How long a request waits for any one callback; 30 000 by default. */
    readonly decisionMs?: number;
    /** Name of a header that tells the backend how long connecting took, such as Connect-Time; none by default. */
    readonly connectTime?: string;
    /** Name of a header that tells it how long routing took before that, such as Total-Route-Time; none by default. */
    readonly totalRouteTime?: string;
  };

export interface Switchyard {
  /** Resolves to the addresses, as `host:port`, when every listener accepts. A router listens once, and not after drain or close. */
  listen(): Promise<readonly string[]>;
  /** Stops accepting, lets requests finish for this time (at most a day), then cuts the rest. */
  drain(withinMs: number): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
  metrics(): RequestMetricsSnapshot;
}

// 30 s: as long as a request waits for a slot, or for its first byte.
const PATIENCE_MS = 30_000;

// For requests whose head was refused: nothing is looked up, and no callback is called.
const NOWHERE: DomainRoute = { name: '', settings: DOMAIN_SETTINGS, pool: undefined, features: PLAIN };
const NO_TABLE: RoutingTable = { fence() {}, lookup: () => NOWHERE };
const NO_LEDGER: Ledger = {
  thread: 0,
  pool: () => undefined,
  forget() {},
  forgetGone() {},
  watchRows() {},
  deliver() {},
};

export function delegatedSwitchyard<Domain, Service, State>(
  options: DelegatedOptions<Domain, Service, State>,
): Switchyard {
  const { accessLog } = options;
  const { listeners } = processOf({ listeners: options.listeners, accessLog });
  const delegation = delegationOf(options);
  const report = reporter(options.report);
  const plane = frontPlane({
    table: NO_TABLE,
    ledger: NO_LEDGER,
    listeners,
    pseudonym: `switchyard-${randomBytes(6).toString('hex')}`,
    accessLog,
    writeLog: lineWriter(options),
    delegate: (exchange) => new DelegatedRequest(exchange, delegation),
    observe: tellPhase,
    report: (told) => {
      if (told.type === 'request_crashed')
        report({ where: 'router', error: told.error, requestId: told.requestId });
    },
  });
  const lifetime = new Lifetime(() => openAll(plane, listeners));
  return {
    listen: () => lifetime.listen(),
    async drain(withinMs) {
      durationOf('withinMs', withinMs);
      await lifetime.end();
      plane.announceEnd();
      await plane.drain(withinMs);
    },
    async close() {
      await lifetime.end();
      await plane.close();
    },
    metrics: () => plane.metrics(),
  };
}

function delegationOf<Domain, Service, State>(
  options: DelegatedOptions<Domain, Service, State>,
): Delegation<Domain, Service, State> {
  const { decisionMs = PATIENCE_MS } = options;
  const patienceMs = durationOf('decisionMs', decisionMs, 1);
  const report = reporter(options.report);
  return {
    decisions: options.decisions,
    patienceMs,
    pool: poolSettingsOf(options, patienceMs),
    book: new BackendBook(BACKEND_SETTINGS),
    domain: DOMAIN_SETTINGS,
    connectTime: fieldNameOf('connectTime', options.connectTime),
    totalRouteTime: fieldNameOf('totalRouteTime', options.totalRouteTime),
    report: (where, error, requestId) => report({ where, error, requestId }),
  };
}

function tellPhase(request: RequestActor): void {
  const delegate = (request as Delegated).enquiry?.delegate;
  if (delegate instanceof DelegatedRequest) delegate.entered(request.phase);
}
