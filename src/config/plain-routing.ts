/**
 * Recognises and takes out the plain parts of a routing, nearly all of a large one, so that the schema that knows
 * every setting only checks the rest.
 */
import {
  type DomainName,
  type PoolName,
  parseDomainName,
  parsePoolName,
  type SparseDomain,
} from '../../eventlog/index.ts';
import { onlyMember, plainBackends } from './plain-pool.ts';
import { isRecord } from './record.ts';
import type { RoutedPool } from './routing.ts';

/** Each under its name exactly as written. Whether an address is the router's own is not checked yet. */
export type PlainRouting = {
  readonly pools: Map<PoolName, RoutedPool>;
  readonly domains: Map<DomainName, SparseDomain>;
};

export type Parted = {
  readonly plain: PlainRouting;
  /** Everything else in the input, right or wrong. */
  readonly rest: unknown;
};

export function parted(raw: unknown): Parted {
  const plain: PlainRouting = { pools: new Map(), domains: new Map() };
  if (!isRecord(raw)) return { plain, rest: raw };
  const rest = { ...raw };
  if (isRecord(raw['pools'])) rest['pools'] = without(plain.pools, raw['pools'], parsePoolName, plainPool);
  if (isRecord(raw['domains']))
    rest['domains'] = without(plain.domains, raw['domains'], parseDomainName, plainDomain);
  return { plain, rest };
}

/** Returns the part of `written` that is not plain, and puts the rest into `plain`. */
function without<Name extends string, Out>(
  plain: Map<Name, Out>,
  written: Readonly<Record<string, unknown>>,
  parse: (text: string) => { readonly ok: boolean; readonly value?: Name },
  read: (value: unknown) => Out | undefined,
): object {
  const rest: [string, unknown][] = [];
  for (const text of Object.keys(written)) {
    const name = parse(text);
    // A name not in its canonical spelling may be a duplicate of another; `__proto__` is never a plain name.
    const isPlain = name.ok && name.value === text && text !== '__proto__';
    const settings = isPlain ? read(written[text]) : undefined;
    if (settings === undefined) rest.push([text, written[text]]);
    else plain.set(text as Name, settings);
  }
  return Object.fromEntries(rest);
}

function plainPool(raw: unknown): RoutedPool | undefined {
  const backends = plainBackends(raw, { listeners: [], local: [] });
  return backends === undefined ? undefined : { settings: {}, backends };
}

function plainDomain(raw: unknown): SparseDomain | undefined {
  const text = onlyMember(raw, 'pool');
  if (typeof text !== 'string') return undefined;
  const pool = parsePoolName(text);
  return pool.ok ? { pool: pool.value } : undefined;
}
