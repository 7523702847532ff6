/** Finds the route of a target, decodes its variable parts, and refuses unknown ones. */
import { quoted } from '../../eventlog/index.ts';
import { Refused } from './http/problem.ts';
import type { Route } from './routes.ts';

export type Match = {
  readonly route: Route;
  readonly params: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
};

// 4096: enough for the longest names in a path and a query, percent-encoded.
const TARGET_LENGTH = 4096;

/** `routes`: those that exist in this process. Throws `Refused`. */
export function match(routes: readonly Route[], method: string, target: string): Match {
  if (target.length > TARGET_LENGTH) {
    throw new Refused(
      'malformed_request',
      `expected a target of at most ${TARGET_LENGTH} characters, found ${target.length}`,
    );
  }
  // The absolute form would contain a second host.
  if (!target.startsWith('/'))
    throw new Refused('malformed_request', `expected a path, found ${quoted(target)}`);
  const cut = target.indexOf('?');
  const path = cut === -1 ? target : target.slice(0, cut);
  const segments = path.slice(1).split('/').map(decoded);
  const candidates = routes.filter((route) => fits(route.pattern, segments));
  if (candidates.length === 0)
    throw new Refused('path_unknown', `no resource ${quoted(path)}; GET /v1 lists what there is`);
  // RFC 9110 §9.3.2: HEAD is GET without the content.
  const wanted = method === 'HEAD' ? 'GET' : method;
  const route = candidates.find((candidate) => candidate.method === wanted);
  if (route === undefined) throw wrongMethod(method, candidates);
  return {
    route,
    params: paramsOf(route.pattern, segments),
    query: queryOf(route, cut === -1 ? '' : target.slice(cut + 1)),
  };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, index) =>
    part.startsWith(':') ? segments[index] !== '' : part === segments[index],
  );
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Map<string, string> {
  const params = new Map<string, string>();
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(':')) params.set(part.slice(1), segments[index] ?? '');
  }
  return params;
}

/** An unknown key may be a misspelt important one: `dryrun=true` must not apply. */
function queryOf(route: Route, text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const [key = '', ...value] = pair.replaceAll('+', ' ').split('=');
    const name = decoded(key);
    if (!route.query.includes(name)) {
      const known = route.query.length === 0 ? 'no query' : `one of ${route.query.join(', ')}`;
      throw new Refused('invalid_query', `expected ${known}, found ${quoted(name)}`);
    }
    if (query.has(name)) throw new Refused('invalid_query', `expected ${name} once, found it twice`);
    query.set(name, decoded(value.join('=')));
  }
  return query;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refused('malformed_request', `expected percent-encoded UTF-8, found ${quoted(text)}`);
  }
}

// RFC 9110 §15.5.6: a 405 lists the allowed methods.
function wrongMethod(method: string, candidates: readonly Route[]): Refused {
  const allowed = candidates.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]));
  const allow = [...new Set(allowed)].join(', ');
  return new Refused('method_not_allowed', `expected ${allow}, found ${method}`, { headers: { allow } });
}
