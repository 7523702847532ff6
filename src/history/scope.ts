/** All owners, or the one that is asked about. */
import {
  type DomainName,
  domainStream,
  type Parsed,
  type PoolName,
  parseDomainName,
  parsePoolName,
  poolStream,
  type StreamName,
} from '../../eventlog/index.ts';

/** Undefined: all. */
export type Scope = readonly StreamName[] | undefined;

export function parseScope(domain: string | undefined, pool: string | undefined): Parsed<Scope> {
  const streams: StreamName[] = [];
  if (domain !== undefined) {
    const host = parseDomainName(domain);
    if (!host.ok) return { ok: false, problem: `domain: ${host.problem}` };
    streams.push(domainStream(host.value));
  }
  if (pool !== undefined) {
    const name = parsePoolName(pool);
    if (!name.ok) return { ok: false, problem: `pool: ${name.problem}` };
    streams.push(poolStream(name.value));
  }
  return { ok: true, value: streams.length === 0 ? undefined : streams };
}

type Owners<Domain, Pool> = {
  readonly domains: ReadonlyMap<DomainName, Domain>;
  readonly pools: ReadonlyMap<PoolName, Pool>;
};

/** The part of `all` that lies within the scope. */
export function inScope<Domain, Pool>(all: Owners<Domain, Pool>, scope: Scope): Owners<Domain, Pool> {
  if (scope === undefined) return all;
  const streams = new Set<string>(scope);
  return {
    domains: new Map([...all.domains].filter(([host]) => streams.has(domainStream(host)))),
    pools: new Map([...all.pools].filter(([pool]) => streams.has(poolStream(pool)))),
  };
}
