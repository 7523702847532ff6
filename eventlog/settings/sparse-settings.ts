/** Settings as they are stored (only what differs from the defaults), and made complete again. */
import { BACKEND_DEFAULTS, DOMAIN_DEFAULTS, POOL_DEFAULTS } from './setting-defaults.ts';
import type { BackendSettings, DomainSettings, PoolSettings } from './settings.ts';

/** As stored: only what differs from the defaults, so that equal settings are equal bytes. */
export type Sparse<T> = { readonly [K in keyof T]?: SparseValue<T[K]> };
type SparseValue<V> = V extends readonly unknown[] ? V : V extends object ? Sparse<V> : V;
export type SparseBackend = Sparse<BackendSettings> & { readonly address: string };
export type SparsePool = Sparse<PoolSettings>;
export type SparseDomain = Sparse<Omit<DomainSettings, 'pool'>> & { readonly pool: DomainSettings['pool'] };

// The pool first: it is what people look for first.
const DOMAIN_IN_ORDER = { pool: '', ...DOMAIN_DEFAULTS };

export function completePool(sparse: SparsePool): PoolSettings {
  return complete(POOL_DEFAULTS, sparse);
}
export function completeBackend(sparse: SparseBackend): BackendSettings {
  return complete(BACKEND_DEFAULTS, sparse);
}
export function completeDomain(sparse: SparseDomain): DomainSettings {
  return complete(DOMAIN_IN_ORDER, sparse);
}

export function sparsePool(settings: PoolSettings): SparsePool {
  return sparse(POOL_DEFAULTS, settings);
}
export function sparseBackend(settings: BackendSettings): SparseBackend {
  return sparse(BACKEND_DEFAULTS, settings);
}
export function sparseDomain(settings: DomainSettings): SparseDomain {
  return sparse(DOMAIN_DEFAULTS, settings);
}

type Tree = { readonly [key: string]: unknown };

function complete<T>(defaults: object, given: object): T {
  const whole: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const fallback = whole[key];
    whole[key] = isTree(value) && isTree(fallback) ? complete(fallback, value) : value;
  }
  return whole as T;
}

/** Keys in sorted order, so that the same settings are stored as the same bytes however they were written. */
function sparse<T>(defaults: object, whole: object): T {
  const given: Record<string, unknown> = {};
  const usual = defaults as Tree;
  const wished = whole as Tree;
  // Nearly all values are the default objects themselves, so only the few others are sorted.
  for (const key of Object.keys(wished)
    .filter((each) => wished[each] !== usual[each])
    .sort()) {
    const value = wished[key];
    const fallback = usual[key];
    if (isTree(value) && isTree(fallback)) {
      const inner = sparse<Tree>(fallback, value);
      if (Object.keys(inner).length > 0) given[key] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(fallback)) {
      given[key] = value;
    }
  }
  return given as T;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
