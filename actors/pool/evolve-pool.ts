/** Folds events into a pool's state. */
import type { PoolEvent, SparseBackend, Version } from '../../eventlog/index.ts';
import type { Recording, Scratch } from '../owner/decider.ts';
import { type BackendState, backendOf, type PoolState } from './pool-state.ts';

type Pool = NonNullable<PoolState>;
type Backends = { [id: string]: BackendState };

export function evolve(state: PoolState, event: PoolEvent & Recording, scratch?: Scratch): PoolState {
  // Keys in this order, here and below: that is how states are written.
  const pool = state ?? { backends: {}, settings: {}, version: 0 };
  switch (event.type) {
    case 'PoolCreated':
      return { backends: {}, settings: event.data.settings, version: event.version };
    case 'PoolChanged':
      return { backends: pool.backends, settings: event.data.settings, version: event.version };
    case 'PoolRemoved':
      return null;
    case 'BackendAdded':
    case 'BackendChanged':
      return touched(
        withBackend(pool, event.data.id, { backend: event.data.backend, version: event.version }, scratch),
        event.version,
      );
    case 'BackendRemoved':
      return touched(withoutBackend(pool, event.data.id, scratch), event.version);
    case 'BackendDrainStarted':
      return touched(
        changed(pool, event.data.id, scratch, ({ drained: _over, ...present }) => ({
          ...present,
          backend: withState(present.backend),
          version: event.version,
          drainUntilMs: event.data.untilMs,
        })),
        event.version,
      );
    case 'CapacityWanted':
      return pool;
    case 'BackendDrained': {
      const { finished, cut } = event.data;
      return changed(pool, event.data.id, scratch, (present) => ({ ...present, drained: { finished, cut } }));
    }
    case 'BackendQuarantined':
      return changed(pool, event.data.id, scratch, (present) => ({
        ...present,
        quarantine: { cause: event.data.cause, untilMs: event.data.untilMs },
      }));
    case 'BackendHealthChanged': {
      const { ejections, probes } = event.data;
      return changed(pool, event.data.id, scratch, (present) => ({
        ...present,
        health: { ejections, probes },
      }));
    }
    case 'BackendStarted':
      return touched(
        changed(pool, event.data.id, scratch, (present) => {
          const { state: _starting, ...backend } = present.backend;
          return { ...present, backend, version: event.version };
        }),
        event.version,
      );
  }
}

function changed(
  pool: Pool,
  id: string,
  scratch: Scratch | undefined,
  change: (present: BackendState) => BackendState,
): Pool {
  const present = backendOf(pool, id);
  return present === undefined ? pool : withBackend(pool, id, change(present), scratch);
}

function touched(pool: Pool, version: Version): Pool {
  return { backends: pool.backends, settings: pool.settings, version };
}

function withBackend(pool: Pool, id: string, backend: BackendState, scratch: Scratch | undefined): Pool {
  const { settings, version } = pool;
  const backends = isOwn(pool, scratch) ? pool.backends : kept({ ...pool.backends }, scratch);
  backends[id] = backend;
  return { backends, settings, version };
}

function withoutBackend(pool: Pool, id: string, scratch: Scratch | undefined): Pool {
  const { settings, version } = pool;
  if (isOwn(pool, scratch)) {
    delete pool.backends[id];
    return { backends: pool.backends, settings, version };
  }
  const { [id]: _gone, ...backends } = pool.backends;
  return { backends: kept(backends, scratch), settings, version };
}

/** A copy of thousands takes a third of a millisecond, so a fold over as many events makes only one. */
function isOwn(pool: Pool, scratch: Scratch | undefined): pool is Pool & { backends: Backends } {
  return scratch?.has(pool.backends) === true;
}

function kept(backends: Backends, scratch: Scratch | undefined): Backends {
  scratch?.add(backends);
  return backends;
}

/** Keys in the order of sparse settings: `state` comes after `address` and `maxConcurrency`, and before `weight`. */
function withState(backend: SparseBackend): SparseBackend {
  const { weight, ...before } = backend;
  return { ...before, state: 'draining', ...(weight === undefined ? {} : { weight }) };
}
