/** From a domain that has routes to the pool that serves this request, or to the place where it is to ask instead. */
import { DRAWS } from '../../actors/index.ts';
import { Choice } from './choice.ts';
import type { DomainRoutes, Route } from './domain-routes.ts';
import type { Exchange } from './exchange.ts';
import { locationOf } from './redirect.ts';
import { partOf, pathOf, queryOf } from './request-part.ts';
import type { PoolRoute } from './routing-table.ts';

/** Undefined: there is no such pool, or the request has been answered. */
export function takeRoute(
  exchange: Exchange,
  routes: DomainRoutes<PoolRoute>,
  own: PoolRoute | undefined,
): PoolRoute | undefined {
  const { head } = exchange;
  const path = pathOf(head.target);
  const choice = new Choice();
  exchange.choice = choice;
  const route = routes.find(head.method, path, head.fields);
  choice.route = route;
  choice.held = routes.held;
  if (route === undefined) return own;
  const { pool } = route.settings;
  if (pool !== undefined) return routes.pool(pool);
  if (route.split !== undefined) {
    choice.draw = drawFor(exchange, route);
    return routes.pool(route.split.poolOf(choice.draw));
  }
  if (route.location === undefined) return own;
  redirect(exchange, route, path);
  return undefined;
}

/** By chance; or the digest of what is to stay with one pool, where the request has that. */
function drawFor({ context, head, client }: Exchange, { settings }: Route): number {
  const { splitOn } = settings;
  const part = splitOn === undefined || splitOn === 'request' ? '' : partOf(splitOn, head, client.hop);
  return part === '' ? Math.floor(context.random() * DRAWS) : context.digest.of('split', part);
}

function redirect(exchange: Exchange, route: Route, path: string): void {
  const { head, phase } = exchange;
  const { match, redirect } = route.settings;
  if (!exchange.conclude({ type: 'redirected', phase })) return;
  const location = locationOf(route.location ?? [], {
    host: head.domain,
    path,
    query: queryOf(head.target),
    prefix: match.pathPrefix ?? '/',
  });
  exchange.reply({ status: redirect?.status ?? 308, fields: ['Location', location], body: '' });
}
