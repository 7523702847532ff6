/** Questions that a state answers with yes or no, for `bisect`. */
import { type Parsed, parseBackendId, parseDomainName, parsePoolName, quoted } from '../../eventlog/index.ts';
import { UsageError } from './failure.ts';

export type Predicate =
  | { readonly type: 'exists'; readonly kind: 'domain' | 'pool' | 'backend'; readonly name: string }
  | { readonly type: 'routed'; readonly host: string; readonly to: string | undefined };

type Backend = { readonly state?: string };
type Pools = { readonly [pool: string]: { readonly backends?: { readonly [id: string]: Backend } } };

/** As `state --json` says it. */
export type JudgedState = {
  readonly pools: Pools;
  readonly domains: { readonly [host: string]: { readonly pool: string } };
};

export function parsePredicate(
  exists: string | undefined,
  host: string | undefined,
  routedTo: string | undefined,
): Predicate | undefined {
  if (exists !== undefined && host !== undefined)
    throw new UsageError('expected --exists or --host, found both');
  if (routedTo !== undefined && host === undefined)
    throw new UsageError('--routed-to: expected --host with it, found none');
  if (host !== undefined)
    return { type: 'routed', host: named('--host', parseDomainName, host), to: routedTo };
  return exists === undefined ? undefined : { type: 'exists', ...thingNamed(exists) };
}

function thingNamed(exists: string): { kind: 'domain' | 'pool' | 'backend'; name: string } {
  const [, kind, name = ''] = /^(domain|pool|backend):(.+)$/.exec(exists) ?? [];
  if (kind === 'domain') return { kind, name: named('--exists', parseDomainName, name) };
  if (kind === 'pool') return { kind, name: named('--exists', parsePoolName, name) };
  const [pool, id, ...rest] = name.split('/');
  if (kind === 'backend' && pool && id && rest.length === 0)
    return {
      kind,
      name: `${named('--exists', parsePoolName, pool)}/${named('--exists', parseBackendId, id)}`,
    };
  throw new UsageError(
    `--exists: expected domain:HOST, pool:NAME or backend:POOL/ID, found ${quoted(exists)}`,
  );
}

function named(option: string, parse: (text: string) => Parsed<string>, text: string): string {
  const parsed = parse(text);
  if (parsed.ok) return parsed.value;
  throw new UsageError(`${option}: ${parsed.problem}`);
}

export function holds(predicate: Predicate, state: JudgedState): boolean {
  if (predicate.type === 'routed') return isRouted(predicate.host, predicate.to, state);
  const { kind, name } = predicate;
  if (kind === 'domain') return Object.hasOwn(state.domains, name);
  if (kind === 'pool') return Object.hasOwn(state.pools, name);
  const [pool = '', id = ''] = name.split('/');
  return Object.hasOwn(backendsOf(state, pool), id);
}

/** Exact, then the longest wildcard, then `*`; and a backend that is up. Rules of paths are `explain`'s to judge. */
function isRouted(host: string, to: string | undefined, state: JudgedState): boolean {
  const domain = namesFor(host).find((name) => Object.hasOwn(state.domains, name));
  if (domain === undefined) return false;
  const pool = state.domains[domain]?.pool ?? '';
  const up = Object.entries(backendsOf(state, pool)).filter(
    ([, backend]) => (backend.state ?? 'up') === 'up',
  );
  if (to === undefined) return up.length > 0;
  const [wantedPool, id] = to.split('/');
  return wantedPool === pool && up.some(([name]) => id === undefined || name === id);
}

function namesFor(host: string): string[] {
  const labels = host.split('.');
  return [host, ...labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`), '*'];
}

function backendsOf({ pools }: JudgedState, pool: string): { readonly [id: string]: Backend } {
  return Object.hasOwn(pools, pool) ? (pools[pool]?.backends ?? {}) : {};
}
