/**
 * Parses routing settings from a config file or the admin API's bodies into sparse settings: every refusal names its
 * place, what was expected there and what was found.
 */
import { z } from 'zod';
import {
  type BackendId,
  type DomainName,
  type Parsed,
  type PoolName,
  parseBackendId,
  parseDomainName,
  parsePoolName,
  poolsOf,
  type SparseBackend,
  type SparseDomain,
  type SparsePool,
  sparseBackend,
  sparseDomain,
  sparsePool,
} from '../../eventlog/index.ts';
import { backendSettings, domainSettings, poolSettings } from '../../eventlog/settings/settings.ts';
import { errorPageProblems } from './error-page-kinds.ts';
import { ownListener } from './host-port.ts';
import { problemsOf, unknownKey } from './issues.ts';
import { nearest } from './nearest.ts';
import { patternProblems } from './path-pattern.ts';
import { plainBackends } from './plain-pool.ts';
import { type PlainRouting, parted } from './plain-routing.ts';
import {
  type Checked,
  describeFound,
  MOST_SHOWN,
  type Path,
  type Problem,
  renderPath,
  splitMessage,
} from './problem.ts';
import { isElsewhere } from './record.ts';
import type { RoutedPool, Routing } from './routing.ts';
import { statusProblems } from './status-ranges.ts';
import { writtenPlace } from './written-place.ts';

const poolInFile = poolSettings.extend({
  backends: z.record(z.string(), backendSettings).optional().describe('by id, such as web.1'),
});

export const routingShape = {
  pools: z.record(z.string(), poolInFile).optional().describe('by name'),
  domains: z.record(z.string(), domainSettings).optional().describe('by host name, *.host or *'),
} as const;

const routingSchema = z.strictObject(routingShape);

export type RoutingInput = z.output<typeof routingSchema>;

/** The router's own listeners, to which no address may lead, and the addresses of this machine. */
export type OwnAddresses = { readonly listeners: readonly string[]; readonly local: readonly string[] };
const NO_ADDRESSES: OwnAddresses = { listeners: [], local: [] };

/** The body of `POST /v1/apply`: all wished pools and domains. */
export function parseRouting(raw: unknown, own: OwnAddresses = NO_ADDRESSES): Checked<Routing> {
  const { plain, rest } = parted(raw);
  const parsed = parseBy(routingSchema, rest);
  return parsed.ok ? checkRouting(parsed.value, plain, own, raw) : parsed;
}

export type PoolWish = {
  readonly settings: SparsePool;
  /** Undefined: leave the backends as they are. */
  readonly backends?: ReadonlyMap<BackendId, SparseBackend>;
};

/** The body of `PUT /v1/pools/{pool}`. */
export function parsePoolWish(raw: unknown, own: OwnAddresses = NO_ADDRESSES): Checked<PoolWish> {
  const plain = plainBackends(raw, own);
  if (plain !== undefined) return { ok: true, value: { settings: {}, backends: plain } };
  const parsed = parseBy(poolInFile, raw);
  if (!parsed.ok) return parsed;
  const { backends, ...settings } = parsed.value;
  const problems = statusProblems(settings, []);
  const wish = { settings: sparsePool(settings) };
  const named = backends && readBackends(backends, ['backends'], own, problems);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: named === undefined ? wish : { ...wish, backends: named } };
}

/** The body of `PUT /v1/pools/{pool}/backends/{id}`. */
export function parseBackendWish(raw: unknown, own: OwnAddresses = NO_ADDRESSES): Checked<SparseBackend> {
  const parsed = parseBy(backendSettings, raw);
  if (!parsed.ok) return parsed;
  const problem = ownAddressProblem(parsed.value.address, ['address'], own);
  if (problem !== undefined) return { ok: false, problems: [problem] };
  return { ok: true, value: sparseBackend(parsed.value) };
}

/** The body of `PUT /v1/domains/{host}`; the desk checks whether its pool exists. */
export function parseDomainWish(raw: unknown): Checked<SparseDomain> {
  const parsed = parseBy(domainSettings, raw);
  if (!parsed.ok) return parsed;
  const problems = domainProblems(parsed.value, raw, []);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: sparseDomain(parsed.value) };
}

function domainProblems(settings: z.output<typeof domainSettings>, raw: unknown, at: Path): Problem[] {
  return [...patternProblems(settings.routes, raw, at), ...errorPageProblems(settings.errorPages, at)];
}

export function parseBy<Schema extends z.ZodType>(schema: Schema, raw: unknown): Checked<z.output<Schema>> {
  const unseen = unseenIn(raw);
  if (unseen.length > 0) return { ok: false, problems: unseen };
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, problems: problemsOf(schema, parsed.error, raw) };
}

/**
 * Zod silently drops a key `__proto__`, and content that is not in keys; nothing that somebody wrote may be dropped
 * silently.
 */
function unseenIn(raw: unknown): Problem[] {
  const problems: Problem[] = [];
  // With YAML aliases one object may occur in many places; each is checked once.
  const seen = new Set<unknown>();
  const open: { readonly value: unknown; readonly path: Path }[] = [{ value: raw, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (Object.hasOwn(value, '__proto__')) problems.push(unknownKey([...path, '__proto__'], '__proto__', []));
    if (isElsewhere(value))
      problems.push({ path: renderPath(path), expected: 'an object with keys', found: describeFound(value) });
    // Nothing valid is nested deeper than this.
    if (path.length > 16) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'object') open.push({ value: inner, path: [...path, key] });
    }
  }
  return problems;
}

/**
 * Checks what a schema cannot: names, references and addresses. `plain` was taken out before and becomes the whole
 * routing; `raw` is the original input, for the places of problems.
 */
export function checkRouting(
  input: RoutingInput,
  plain: PlainRouting,
  own: OwnAddresses,
  raw: unknown,
): Checked<Routing> {
  const problems = [...ownAddressesIn(plain, own)];
  const pools = readNames(
    plain.pools,
    input.pools ?? {},
    parsePoolName,
    ['pools'],
    problems,
    ({ backends, ...settings }, at) => {
      problems.push(...statusProblems(settings, at));
      return {
        settings: sparsePool(settings),
        backends: readBackends(backends ?? {}, [...at, 'backends'], own, problems),
      };
    },
  );
  const domains = readNames(
    plain.domains,
    input.domains ?? {},
    parseDomainName,
    ['domains'],
    problems,
    (settings, at) => {
      problems.push(...domainProblems(settings, raw, at));
      return sparseDomain(settings);
    },
  );
  const unknown = unknownPools(domains, pools, raw);
  if (problems.length > 0) return { ok: false, problems: [...problems, ...unknown] };
  if (unknown.length > 0) return { ok: false, problems: unknown, isPoolUnknown: true };
  return { ok: true, value: { pools, domains } };
}

function readBackends(
  backends: { readonly [id: string]: z.output<typeof backendSettings> },
  at: Path,
  own: OwnAddresses,
  problems: Problem[],
): Map<BackendId, SparseBackend> {
  return readNames(
    new Map<BackendId, SparseBackend>(),
    backends,
    parseBackendId,
    at,
    problems,
    (backend, place) => {
      const problem = ownAddressProblem(backend.address, [...place, 'address'], own);
      if (problem !== undefined) problems.push(problem);
      return sparseBackend(backend);
    },
  );
}

/** Adds the entries to `named`; a name that is already there is a problem. */
function readNames<Name extends string, In, Out>(
  named: Map<Name, Out>,
  given: { readonly [name: string]: In },
  parse: (text: string) => Parsed<Name>,
  at: Path,
  problems: Problem[],
  read: (value: In, at: Path) => Out,
): Map<Name, Out> {
  for (const [text, value] of Object.entries(given)) {
    const path = [...at, text];
    const name = parse(text);
    if (!name.ok) {
      problems.push({ path: renderPath(path), ...splitMessage(name.problem, 'another name') });
    } else if (named.has(name.value)) {
      problems.push({
        path: renderPath(path),
        expected: 'each name once',
        found: `${name.value} a second time`,
      });
    } else {
      named.set(name.value, read(value, path));
    }
  }
  return named;
}

// The nearest known name is looked up in all pools: the most comparisons, about a second.
const MOST_COMPARED = 1_000_000;

function unknownPools(
  domains: ReadonlyMap<DomainName, SparseDomain>,
  pools: ReadonlyMap<PoolName, RoutedPool>,
  raw: unknown,
): Problem[] {
  const problems: Problem[] = [];
  const near = new Map<PoolName, string | undefined>();
  const names = [...pools.keys()];
  const mostSought = Math.min(MOST_SHOWN, MOST_COMPARED / names.length);
  for (const [host, settings] of domains) {
    for (const pool of poolsOf(settings)) {
      if (pools.has(pool)) continue;
      if (!near.has(pool) && near.size < mostSought) near.set(pool, nearest(pool, names));
      const meant = near.get(pool);
      const at = ['domains', host];
      const isOwn = pool === settings.pool;
      problems.push({
        path: renderPath(isOwn ? [...at, 'pool'] : writtenPlace(raw, [...at, 'routes'], 'pool', pool)),
        expected: 'the name of a pool',
        found: `${JSON.stringify(pool)}, which does not exist`,
        ...(meant === undefined ? {} : { nearest: meant }),
      });
    }
  }
  return problems;
}

function* ownAddressesIn({ pools }: Routing, own: OwnAddresses): Generator<Problem> {
  for (const [pool, { backends }] of pools) {
    for (const [id, { address }] of backends) {
      const problem = ownAddressProblem(address, ['pools', pool, 'backends', id, 'address'], own);
      if (problem !== undefined) yield problem;
    }
  }
}

function ownAddressProblem(address: string, path: Path, own: OwnAddresses): Problem | undefined {
  const listener = ownListener(address, own.listeners, own.local);
  if (listener === undefined) return undefined;
  return {
    path: renderPath(path),
    expected: 'the address of a backend',
    found: `${address}, which is our own listener ${listener}`,
  };
}
