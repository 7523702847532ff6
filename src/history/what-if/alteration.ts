/** Applies what is to be different: from a pool's recorded state to the state that is simulated. */
import { backendOf, type PolicyName, type PoolState } from '../../../actors/index.ts';
import type { SparseBackend, SparsePool } from '../../../eventlog/index.ts';

export type Alteration = {
  readonly policy?: PolicyName;
  /** The number of backends to add, or, if negative, to remove. */
  readonly backends?: number;
  /** Positions of events that are taken not to have happened. */
  readonly without?: readonly number[];
  /** Pools with other settings, and with other backends if they are given. */
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

/** A backend that already exists under an id keeps its other state. */
function placed(state: Pool, wanted: { readonly [id: string]: SparseBackend } | undefined): Pool['backends'] {
  if (wanted === undefined) return state.backends;
  return Object.fromEntries(
    Object.entries(wanted).map(([id, backend]) => [
      id,
      { version: state.version, ...backendOf(state, id), backend },
    ]),
  );
}

/** The id of an added backend, from 1. It contains a space, which no real id does. */
export function addedId(number: number): string {
  return `added ${number}`;
}

/** Added backends are copies of the last one that is up; the last ones are removed first. */
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
