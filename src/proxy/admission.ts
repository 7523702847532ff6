/** From the domain to the pool: what is in a request's way there; if nothing is, it asks the pool for a lease. */

import { isLoop } from '../wire/index.ts';
import { UNROUTED } from './asks.ts';
import { Choice } from './choice.ts';
import type { ClientConnection } from './client-connection.ts';
import { enterDomain } from './domain-limit.ts';
import type { Exchange } from './exchange.ts';
import { hashKeyOf } from './hash-key.ts';
import type { RequestBody } from './request-body.ts';
import type { DomainRoute, PoolRoute } from './routing-table.ts';
import { takeRoute } from './take-route.ts';
import { Tenancy } from './tenancy.ts';

export function admit(exchange: Exchange, domain: DomainRoute): void {
  const { context, head, client, body } = exchange;
  exchange.domain = domain;
  if (isLoop(head, client.hop.pseudonym)) {
    exchange.fail('loop_detected');
    return;
  }
  if (body?.refusal !== undefined) {
    exchange.bodyRefused();
    return;
  }
  if (domain.features.maintenance) {
    exchange.fail('maintenance');
    return;
  }
  const pool = domain.routes === undefined ? domain.pool : takeRoute(exchange, domain.routes, domain.pool);
  if (exchange.outcome !== undefined) return;
  if (pool === undefined) {
    exchange.fail('no_backends');
    return;
  }
  exchange.pool = pool;
  if (pool.unavailable === true) {
    exchange.fail('owner_unavailable');
    return;
  }
  if (!enterDomain(context, domain)) {
    exchange.fail('max_in_flight');
    return;
  }
  exchange.isCounted = true;
  if (head.expectContinue) sayContinue(client, domain, body);
  exchange.enter('checkout');
  askForLease(exchange, pool);
}

/** Again, where the pool's ledger had to be made first. */
export function askForLease(exchange: Exchange, pool: PoolRoute): void {
  const { context, head, client } = exchange;
  const ledger = pool.ledger ?? context.ledger.pool(pool.key);
  if (ledger === undefined) {
    awaitLedger(exchange, pool);
    return;
  }
  const { startedAtMs } = exchange;
  const hash = hashKeyOf(pool.settings, head, client.hop, context.digest);
  if (hash !== 0) {
    exchange.choice ??= new Choice();
    exchange.choice.hash = hash;
  }
  const { affinity } = pool.settings;
  const home = affinity === false ? 0 : context.affinity.look(exchange, pool, affinity.cookie).home;
  const route = exchange.choice?.route ?? UNROUTED;
  const tenancy = new Tenancy(context, exchange, pool, ledger, startedAtMs, { hash, route, home });
  exchange.tenancy = tenancy;
  tenancy.ask(startedAtMs);
}

/** There is a pool and no ledger of it: nobody has used it for long. */
export function awaitLedger(exchange: Exchange, pool: PoolRoute): void {
  const { context } = exchange;
  if (context.wakes.wait(exchange, pool, context.now())) return;
  exchange.fail(exchange.wakes === 0 ? 'no_backends' : 'owner_unavailable');
}

/** RFC 9110 §10.1.1: unless the backend is to say it, we do, if the client can still be waiting for it. */
function sayContinue(client: ClientConnection, domain: DomainRoute, body: RequestBody | undefined): void {
  if (domain.features.continue === 'end-to-end' || body === undefined || body.bytes > 0) return;
  client.writeText('HTTP/1.1 100 Continue\r\n\r\n');
}
