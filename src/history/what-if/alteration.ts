/** Applies what is to be different: from a pool's recorded state to the state that is simulated. */
import { backendOf, type PolicyName, type PoolState } from '../../../actors/index.ts';
import type { SparseBackend, SparsePool } from '../../../eventlog/index.ts';

export type Alteration = {
  readonly policy?: PolicyName;
  /** Backends more, or with a minus fewer. */
  readonly backends?: number;
  /** Events that did not happen, by their positions. */
  readonly without?: readonly number[];
  /** Pools that were set otherwise; their backends too, where they are given. */
  readonly with?: {
    readonly [pool: string]: {
      readonly settings: SparsePool;
      readonly backends?: { readonly [id: string]: SparseBackend };
    };
  };
};

type Pool = NonNullable<PoolState>;

export function altered(pool: string, state: PoolState, alteration: Alteration): PoolState {
  if (state === null) return null;
  const set = Object.hasOwn(alteration.with ?? {}, pool) ? alteration.with?.[pool] : undefined;
  let now: Pool = state;
  if (set !== undefined) now = { ...now, settings: set.settings, backends: placed(now, set.backends) };
  if (alteration.policy !== undefined)
    now = { ...now, settings: { ...now.settings, policy: alteration.policy } };
  if (alteration.backends !== undefined)
    now = { ...now, backends: counted(now.backends, alteration.backends) };
  return now;
}

/** Whoever is there under the same id is known from before. */
function placed(state: Pool, wanted: { readonly [id: string]: SparseBackend } | undefined): Pool['backends'] {
  if (wanted === undefined) return state.backends;
  return Object.fromEntries(
    Object.entries(wanted).map(([id, backend]) => [
      id,
      { version: state.version, ...backendOf(state, id), backend },
    ]),
  );
}

/** The id of one that is added, from 1: with a blank, which no backend's id has. */
export function addedId(number: number): string {
  return `added ${number}`;
}

/** Those that are added are like the last; those that go are the last. */
function counted(backends: Pool['backends'], more: number): Pool['backends'] {
  const all = Object.entries(backends);
  if (more < 0) return Object.fromEntries(all.slice(0, Math.max(0, all.length + more)));
  const last = all.findLast(([, { backend }]) => (backend.state ?? 'up') === 'up') ?? all.at(-1);
  if (last === undefined) return backends;
  const { version, backend } = last[1];
  const added = Array.from(
    { length: more },
    (_, index) => [addedId(index + 1), { version, backend }] as const,
  );
  return { ...backends, ...Object.fromEntries(added) };
}
