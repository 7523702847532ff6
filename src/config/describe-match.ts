/**
 * A route's match in one line for people: `/shop ~^/v[0-9]+/ GET|HEAD x-beta=1`, or `*` for every request. No two
 * matches have the same text: ambiguous parts are quoted.
 */
import type { RouteMatch } from '../../eventlog/index.ts';

// An expression may contain any character; a terminal would interpret these.
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;
// In a method these would be ambiguous: the separator, the mark of an expression, and `*` for every request.
const MARK = /[|~*]/;

export function describeMatch({ pathPrefix, pathRegex, methods, headers }: RouteMatch): string {
  const parts: string[] = [];
  if (pathPrefix !== undefined) parts.push(pathPrefix);
  if (pathRegex !== undefined) parts.push(`~${pathRegex.replace(CONTROL, escaped)}`);
  if (methods !== undefined) parts.push(methods.map((method) => asOne(method, MARK)).join('|'));
  for (const [name, value] of Object.entries(headers ?? {})) parts.push(`${name}=${value}`);
  return parts.length === 0 ? '*' : parts.map((part) => asOne(part, / /)).join(' ');
}

function asOne(text: string, mark: RegExp): string {
  return mark.test(text) ? JSON.stringify(text) : text;
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
