/** Pools and domains in the options of a program: as in the config file. */
import type { RouteWish, SparseBackend, SparseDomain, SparsePool } from '../../eventlog/index.ts';

export type PoolWish = SparsePool & { readonly backends?: { readonly [id: string]: SparseBackend } };
export type DomainWish = Omit<SparseDomain, 'pool' | 'routes'> & {
  readonly pool: string;
  readonly routes?: readonly RouteWish[];
};
