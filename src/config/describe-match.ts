/** A route's match in one line, as people name it: `/shop ~^/v[0-9]+/ GET|HEAD x-beta=1`, or `*` for every request. */
import type { RouteMatch } from '../../eventlog/index.ts';

export function describeMatch({ pathPrefix, pathRegex, methods, headers }: RouteMatch): string {
  const parts: string[] = [];
  if (pathPrefix !== undefined) parts.push(pathPrefix);
  if (pathRegex !== undefined) parts.push(`~${pathRegex}`);
  if (methods !== undefined) parts.push(methods.join('|'));
  for (const [name, value] of Object.entries(headers ?? {})) parts.push(`${name}=${value}`);
  return parts.length === 0 ? '*' : parts.join(' ');
}
