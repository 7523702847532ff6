/** All owners, or the one that somebody asks about. */
import type { Present } from '../../actors/index.ts';
import {
  domainStream,
  type Parsed,
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

/** What of everything lies within the scope. */
export function within(present: Present, scope: Scope): Present {
  if (scope === undefined) return present;
  const streams = new Set<string>(scope);
  return {
    position: present.position,
    domains: new Map([...present.domains].filter(([host]) => streams.has(domainStream(host)))),
    pools: new Map([...present.pools].filter(([pool]) => streams.has(poolStream(pool)))),
  };
}
