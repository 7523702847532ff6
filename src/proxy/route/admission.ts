/** From the domain to the pool: the checks on the way; a request that passes them asks the pool for a lease. */

import { isLoop } from '../../wire/index.ts';
import { UNROUTED } from '../lease/asks.ts';
import { hashKeyOf } from '../lease/hash-key.ts';
import { Tenancy, type Tenant } from '../lease/tenancy.ts';
import type { Sleeper } from '../lease/wakes.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import type { DomainRoute, PoolRoute } from '../routing-table.ts';
import { Choice } from './choice.ts';
import { enterDomain } from './domain-limit.ts';
import { takeRoute } from './take-route.ts';

/** A request that wants a lease. */
export type Applicant = ProxiedRequest & Tenant & Sleeper;

export function admit(request: Applicant, domain: DomainRoute): void {
  const { context, head, client, body } = request;
  request.domain = domain;
  if (isLoop(head, client.hop.pseudonym)) {
    request.fail('loop_detected');
    return;
  }
  if (body?.refusal !== undefined) {
    request.bodyRefused();
    return;
  }
  if (domain.features.maintenance) {
    request.fail('maintenance');
    return;
  }
  const pool = domain.routes === undefined ? domain.pool : takeRoute(request, domain.routes, domain.pool);
  if (request.outcome !== undefined) return;
  if (pool === undefined) {
    request.fail('no_backends');
    return;
  }
  request.pool = pool;
  if (pool.unavailable === true) {
    request.fail('owner_unavailable');
    return;
  }
  if (!enterDomain(context, domain)) {
    request.fail('max_in_flight');
    return;
  }
  request.isCounted = true;
  if (head.expectContinue) sayContinue(request, domain);
  request.enter('checkout');
  askForLease(request, pool);
}

/** Called again if the pool's ledger had to be created first. */
export function askForLease(request: Applicant, pool: PoolRoute): void {
  const { context, head, client } = request;
  const ledger = pool.ledger ?? context.ledger.pool(pool.key);
  if (ledger === undefined) {
    awaitLedger(request, pool);
    return;
  }
  const { startedAtMs } = request;
  const hash = hashKeyOf(pool.settings, head, client.hop, context.digest);
  if (hash !== 0) {
    request.choice ??= new Choice();
    request.choice.hash = hash;
  }
  const { affinity } = pool.settings;
  const home = affinity === false ? 0 : context.affinity.look(request, pool, affinity.cookie).home;
  const route = request.choice?.route ?? UNROUTED;
  const tenancy = new Tenancy(context, request, pool, ledger, startedAtMs, { hash, route, home });
  request.tenancy = tenancy;
  // Without a wait for the delegate or for the ledger, this is still the moment of the head, which saves a look at the clock.
  const isPrompt = request.wakes === 0 && request.enquiry === undefined;
  tenancy.ask(isPrompt ? startedAtMs : context.now());
}

/** The pool has no ledger, because nobody has used it for a while. */
export function awaitLedger(request: Applicant, pool: PoolRoute): void {
  const { context } = request;
  if (context.wakes.wait(request, pool, context.now())) return;
  request.fail(request.wakes === 0 ? 'no_backends' : 'owner_unavailable');
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** RFC 9110 §10.1.1: sent by the router unless that is left to the backend, or the body has already begun. */
function sayContinue(request: ProxiedRequest, domain: DomainRoute): void {
  const { body, client } = request;
  if (domain.features.continue === 'end-to-end' || body === undefined || body.bytes > 0) return;
  request.bytesOut += CONTINUE.length;
  client.writeText(CONTINUE);
}
