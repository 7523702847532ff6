/** From a domain with routes to the pool that serves this request, or to the redirect that answers it. */
import { DRAWS } from '../../../actors/index.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import type { PoolRoute } from '../routing-table.ts';
import { Choice } from './choice.ts';
import type { DomainRoutes, Route } from './domain-routes.ts';
import { locationOf } from './redirect.ts';
import { partOf, pathOf, queryOf } from './request-part.ts';

/** Undefined: the pool does not exist, or the request has been answered. */
export function takeRoute(
  request: ProxiedRequest,
  routes: DomainRoutes<PoolRoute>,
  own: PoolRoute | undefined,
): PoolRoute | undefined {
  const { head } = request;
  const path = pathOf(head.target);
  const choice = new Choice();
  request.choice = choice;
  const route = routes.find(head.method, path, head.fields);
  choice.route = route;
  choice.held = routes.held;
  if (route === undefined) return own;
  const { pool } = route.settings;
  if (pool !== undefined) return routes.pool(pool);
  if (route.split !== undefined) {
    choice.draw = drawFor(request, route);
    return routes.pool(route.split.poolOf(choice.draw));
  }
  if (route.location === undefined) return own;
  redirect(request, route, path);
  return undefined;
}

/** Random; or the digest of the part of the request by which it stays with one pool, if the request has that part. */
function drawFor({ context, head, client }: ProxiedRequest, { settings }: Route): number {
  const { splitOn } = settings;
  const part = splitOn === undefined || splitOn === 'request' ? '' : partOf(splitOn, head, client.hop);
  return part === '' ? Math.floor(context.random() * DRAWS) : context.digest.of('split', part);
}

function redirect(request: ProxiedRequest, route: Route, path: string): void {
  const { head, phase } = request;
  const { match, redirect } = route.settings;
  if (!request.conclude({ type: 'redirected', phase })) return;
  const location = locationOf(route.location ?? [], {
    host: head.domain,
    path,
    query: queryOf(head.target),
    prefix: match.pathPrefix ?? '/',
  });
  request.reply({ status: redirect?.status ?? 308, fields: ['Location', location], body: '' });
}
