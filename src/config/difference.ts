/**
 * What would have to change to turn the present routing into the wished one: a pure comparison, shown by `apply
 * --dry-run`, printed by `serve` on a log with history, and turned into commands by `/v1/apply`.
 */
import {
  type BackendId,
  completeBackend,
  completeDomain,
  completePool,
  type DomainName,
  type PoolName,
  type RouteSettings,
  type SparseBackend,
  type SparseDomain,
  type SparsePool,
} from '../../eventlog/index.ts';
import { describeMatch } from './describe-match.ts';
import type { RoutedPool, Routing } from './routing.ts';

// How a route without pool, split and redirect is shown: its requests go to the domain's own pool instead of to other
// routes.
const OWN_POOL = "the domain's";

export type Change = PoolChange | BackendChange | DomainChange;

export type PoolChange = { readonly kind: 'pool'; readonly name: PoolName } & Step<SparsePool>;
/** The backends of an added or removed pool are changes of their own. */
export type BackendChange = {
  readonly kind: 'backend';
  readonly pool: PoolName;
  readonly name: BackendId;
} & Step<SparseBackend>;
export type DomainChange = { readonly kind: 'domain'; readonly name: DomainName } & Step<SparseDomain>;

/** `before` and `after` are sparse settings as stored. */
export type Step<Settings> =
  | {
      readonly change: 'add';
      readonly before: null;
      readonly after: Settings;
      readonly fields: readonly Field[];
    }
  | {
      readonly change: 'change';
      readonly before: Settings;
      readonly after: Settings;
      readonly fields: readonly Field[];
    }
  | {
      readonly change: 'remove';
      readonly before: Settings;
      readonly after: null;
      readonly fields: readonly Field[];
    };

/**
 * One setting that differs, by its path (`queue.maxWaiting`). If its owner is kept, both values with defaults filled
 * in; if it is added or removed, the values that differ from the defaults, with null on the other side.
 */
export type Field = { readonly path: string; readonly before: unknown; readonly after: unknown };

/** Pools by name, each followed by its backends by id; then domains by name. Code-unit order throughout. */
export function difference(present: Routing, wished: Routing): Change[] {
  const changes: Change[] = [];
  for (const name of differing(present.pools, wished.pools, isSamePool)) {
    changes.push(...poolChanges(name, present.pools.get(name), wished.pools.get(name)));
  }
  for (const name of differing(present.domains, wished.domains, isSame)) {
    const step = stepOf(present.domains.get(name), wished.domains.get(name), completeDomain);
    if (step !== undefined) changes.push({ kind: 'domain', name, ...step });
  }
  return changes;
}

function poolChanges(
  pool: PoolName,
  before: RoutedPool | undefined,
  after: RoutedPool | undefined,
): Change[] {
  const changes: Change[] = [];
  const own = stepOf(before?.settings, after?.settings, completePool);
  if (own !== undefined) changes.push({ kind: 'pool', name: pool, ...own });
  const present = before?.backends ?? new Map<BackendId, SparseBackend>();
  const wished = after?.backends ?? new Map<BackendId, SparseBackend>();
  for (const name of names(present, wished)) {
    const step = stepOf(present.get(name), wished.get(name), completeBackend);
    if (step !== undefined) changes.push({ kind: 'backend', pool, name, ...step });
  }
  return changes;
}

function stepOf<Settings extends object>(
  before: Settings | undefined,
  after: Settings | undefined,
  complete: (sparse: Settings) => object,
): Step<Settings> | undefined {
  if (before === undefined && after === undefined) return undefined;
  if (before === undefined) {
    return { change: 'add', before: null, after: after!, fields: fieldsOf({}, after!) };
  }
  if (after === undefined) {
    return { change: 'remove', before, after: null, fields: fieldsOf(before, {}) };
  }
  const fields = fieldsOf(complete(before), complete(after));
  return fields.length === 0 ? undefined : { change: 'change', before, after, fields };
}

function fieldsOf(before: object, after: object): Field[] {
  const was = leaves(before);
  const is = leaves(after);
  return names(was, is)
    .map((path) => ({ path, before: was.get(path) ?? null, after: is.get(path) ?? null }))
    .filter((field) => JSON.stringify(field.before) !== JSON.stringify(field.after));
}

/** Lists are compared whole, because their items have no names; a route is named by its match. */
function leaves(tree: object, prefix = '', found = new Map<string, unknown>()): Map<string, unknown> {
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (path === 'routes') for (const route of value as readonly RouteSettings[]) routeLeaves(route, found);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) leaves(value, path, found);
    else found.set(path, value);
  }
  return found;
}

function routeLeaves(route: RouteSettings, found: Map<string, unknown>): void {
  const { match, ...rest } = route;
  const path = `routes[${describeMatch(match)}]`;
  if (rest.pool === undefined && rest.split === undefined && rest.redirect === undefined)
    found.set(`${path}.pool`, OWN_POOL);
  leaves(rest, path, found);
}

/** In order. Equal entries, nearly all in a large routing, are skipped before anything is allocated for them. */
function differing<Name extends string, T>(
  one: ReadonlyMap<Name, T>,
  other: ReadonlyMap<Name, T>,
  areSame: (one: T, other: T) => boolean,
): Name[] {
  const found: Name[] = [];
  for (const [name, is] of one) {
    const was = other.get(name);
    if (was === undefined || !areSame(is, was)) found.push(name);
  }
  for (const name of other.keys()) if (!one.has(name)) found.push(name);
  return found.sort();
}

export function isSamePool(one: RoutedPool, other: RoutedPool): boolean {
  if (one === other) return true;
  if (!isSame(one.settings, other.settings) || one.backends.size !== other.backends.size) return false;
  for (const [id, backend] of one.backends) {
    const counterpart = other.backends.get(id);
    if (counterpart === undefined || !isSame(backend, counterpart)) return false;
  }
  return true;
}

/** False means perhaps not. The keys of sparse settings are sorted. */
export function isSame(one: object, other: object): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function names<Name extends string>(
  one: ReadonlyMap<Name, unknown>,
  other: ReadonlyMap<Name, unknown>,
): Name[] {
  return [...new Set([...one.keys(), ...other.keys()])].sort();
}
