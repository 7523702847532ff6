/** Conditions on a past state, for `bisect`: each reads only the few owners that it is about. */
import {
  type Parsed,
  parseBackendId,
  parseDomainName,
  parsePoolName,
  quoted,
} from '../../../eventlog/index.ts';
import { UsageError } from '../failure.ts';

export type Predicate =
  | { readonly type: 'exists'; readonly kind: 'domain' | 'pool' | 'backend'; readonly name: string }
  | { readonly type: 'routed'; readonly host: string; readonly to: string | undefined };

/** Settings as in `state --json`; undefined: the owner did not exist. */
export type Look = <Kind extends 'domain' | 'pool'>(
  kind: Kind,
  name: string,
) => Promise<(Kind extends 'domain' ? Domain : Pool) | undefined>;

type Domain = { readonly pool?: string };
type Pool = { readonly backends?: Backends };
type Backends = { readonly [id: string]: { readonly state?: string } };

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

export async function holds(predicate: Predicate, look: Look): Promise<boolean> {
  if (predicate.type === 'routed') return isRouted(predicate.host, predicate.to, look);
  const { kind, name } = predicate;
  if (kind !== 'backend') return (await look(kind, name)) !== undefined;
  const [pool = '', id = ''] = name.split('/');
  return Object.hasOwn((await look('pool', pool))?.backends ?? {}, id);
}

/** The exact name, then the longest wildcard, then `*`; and a backend that is up. Path rules are left to `explain`. */
async function isRouted(host: string, to: string | undefined, look: Look): Promise<boolean> {
  const domain = await domainOf(host, look);
  const pool = domain?.pool ?? '';
  const backends = pool === '' ? {} : ((await look('pool', pool))?.backends ?? {});
  const up = Object.entries(backends).filter(([, backend]) => (backend.state ?? 'up') === 'up');
  if (to === undefined) return up.length > 0;
  const [wantedPool, id] = to.split('/');
  return wantedPool === pool && up.some(([name]) => id === undefined || name === id);
}

async function domainOf(host: string, look: Look): Promise<Domain | undefined> {
  const labels = host.split('.');
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  for (const name of [host, ...wildcards, '*']) {
    const domain = await look('domain', name);
    if (domain !== undefined) return domain;
  }
  return undefined;
}
