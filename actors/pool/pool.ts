/** A pool: the backends that may serve a request, their limits, and what is known of their health. */
import type {
  BackendHealth,
  BackendId,
  CapacityWant,
  PoolEvent,
  PoolName,
  QuarantineCause,
  SparseBackend,
  SparsePool,
  Version,
} from '../../eventlog/index.ts';
import { sameJson } from '../desk/same-json.ts';
import { type Decider, type Decision, events, rejected } from '../owner/decider.ts';
import { evolve } from './evolve-pool.ts';
import { type BackendState, backendOf, type DrainCounts, type PoolState } from './pool-state.ts';

type Pool = NonNullable<PoolState>;

export type PoolCommand =
  /** `backends`: all of them; undefined: they stay as they are. */
  | {
      readonly type: 'PutPool';
      readonly pool: PoolName;
      readonly settings: SparsePool;
      readonly backends?: { readonly [id: string]: SparseBackend };
      readonly ifVersion?: Version;
    }
  | { readonly type: 'RemovePool'; readonly pool: PoolName; readonly ifVersion?: Version }
  | {
      readonly type: 'PutBackend';
      readonly pool: PoolName;
      readonly id: BackendId;
      readonly backend: SparseBackend;
      readonly ifVersion?: Version;
    }
  | {
      readonly type: 'RemoveBackend';
      readonly pool: PoolName;
      readonly id: BackendId;
      readonly ifVersion?: Version;
    }
  | {
      readonly type: 'DrainBackend';
      readonly pool: PoolName;
      readonly id: BackendId;
      readonly untilMs: number;
    }
  /** The drain until `untilMs` is over: nothing that was under way when it began is left. */
  | ({
      readonly type: 'ConcludeDrain';
      readonly pool: PoolName;
      readonly id: BackendId;
      readonly untilMs: number;
    } & DrainCounts)
  /** The pool has wanted more backends for a while. */
  | { readonly type: 'WantCapacity'; readonly pool: PoolName; readonly want: CapacityWant }
  /**
   * At most one note of each type per backend. Nothing is recorded of backends that are gone or have another address by
   * now.
   */
  | { readonly type: 'RecordHealth'; readonly pool: PoolName; readonly notes: readonly BackendNote[] }
  /** A starting backend is up. Ignored if it has another address by now. */
  | {
      readonly type: 'StartBackend';
      readonly pool: PoolName;
      readonly id: BackendId;
      readonly address: string;
    };

export type BackendNote = {
  readonly id: BackendId;
  /** The address at which this was found. */
  readonly address: string;
} & (
  | { readonly type: 'quarantine'; readonly cause: QuarantineCause; readonly untilMs: number }
  | { readonly type: 'health'; readonly health: BackendHealth; readonly withheld: readonly string[] }
);

// 2 000: a scan takes ten microseconds, and a change of all of them some tenths of a second.
export const MAX_BACKENDS = 2000;

/** The health of a backend about which nothing was recorded. */
export const WELL: BackendHealth = { ejections: [], probes: 'passing' };

export const poolDecider: Decider<PoolState, PoolCommand, PoolEvent> = { initialState: null, decide, evolve };

function decide(command: PoolCommand, state: PoolState): Decision<PoolEvent> {
  const mismatch = versionMismatch(command, state);
  if (mismatch !== undefined) return mismatch;
  if (command.type === 'PutPool') return put(command, state);
  if (state === null) return rejected({ type: 'pool_not_found', detail: `no pool ${command.pool}` });
  if (command.type === 'WantCapacity') return events({ type: 'CapacityWanted', data: command.want });
  if (command.type === 'RemovePool') return events({ type: 'PoolRemoved', data: {} });
  if (command.type === 'PutBackend') return putBackend(command.id, command.backend, state);
  if (command.type === 'RecordHealth')
    return { type: 'events', events: command.notes.flatMap((note) => noted(note, state)) };
  const present = backendOf(state, command.id);
  if (present === undefined) {
    return rejected({
      type: 'backend_not_found',
      detail: `no backend ${command.id} in pool ${command.pool}`,
    });
  }
  switch (command.type) {
    case 'RemoveBackend':
      return events({ type: 'BackendRemoved', data: { id: command.id } });
    case 'DrainBackend':
      if (present.backend.state === 'draining' && present.drainUntilMs === command.untilMs) return events();
      return events({ type: 'BackendDrainStarted', data: { id: command.id, untilMs: command.untilMs } });
    case 'ConcludeDrain': {
      // A drain that was called off or begun anew meanwhile has an end of its own.
      if (present.drainUntilMs !== command.untilMs || present.drained !== undefined) return events();
      const { id, finished, cut } = command;
      return events({ type: 'BackendDrained', data: { id, finished, cut } });
    }
    case 'StartBackend':
      if (present.backend.state !== 'starting' || present.backend.address !== command.address)
        return events();
      return events({ type: 'BackendStarted', data: { id: command.id } });
  }
}

function noted(note: BackendNote, state: Pool): PoolEvent[] {
  const present = backendOf(state, note.id);
  if (present?.backend.address !== note.address) return [];
  if (note.type === 'quarantine') {
    const { id, cause, untilMs } = note;
    // The last note holds: an earlier end may be due to the clock.
    if (present.quarantine?.untilMs === untilMs) return [];
    return [{ type: 'BackendQuarantined', data: { id, cause, untilMs } }];
  }
  const { id, health, withheld } = note;
  if (withheld.length === 0 && sameJson(health, present.health ?? WELL)) return [];
  return [{ type: 'BackendHealthChanged', data: { id, ...health, withheld } }];
}

function versionMismatch(command: PoolCommand, state: PoolState): Decision<PoolEvent> | undefined {
  if (!('ifVersion' in command) || command.ifVersion === undefined) return undefined;
  const ofBackend = 'id' in command ? command.id : undefined;
  const found = (ofBackend === undefined ? state?.version : backendOf(state, ofBackend)?.version) ?? 0;
  if (found === command.ifVersion) return undefined;
  const what =
    ofBackend === undefined ? `pool ${command.pool}` : `backend ${ofBackend} of pool ${command.pool}`;
  return rejected({
    type: 'version_mismatch',
    detail: `expected version ${command.ifVersion} of ${what}, found ${found}`,
    expected: command.ifVersion,
    found,
    won: [],
    ...(ofBackend === undefined ? {} : { backend: ofBackend }),
  });
}

function put(command: PoolCommand & { type: 'PutPool' }, state: PoolState): Decision<PoolEvent> {
  const happened: PoolEvent[] = [];
  if (state === null) happened.push({ type: 'PoolCreated', data: { settings: command.settings } });
  else if (!sameJson(command.settings, state.settings)) {
    happened.push({ type: 'PoolChanged', data: { settings: command.settings } });
  }
  if (command.backends !== undefined) happened.push(...replaced(command.backends, state?.backends ?? {}));
  if (command.backends !== undefined && Object.keys(command.backends).length > MAX_BACKENDS) {
    return tooMany(Object.keys(command.backends).length);
  }
  return { type: 'events', events: happened };
}

function replaced(wanted: { readonly [id: string]: SparseBackend }, present: Pool['backends']): PoolEvent[] {
  const happened: PoolEvent[] = [];
  for (const id of Object.keys(present)) {
    if (!Object.hasOwn(wanted, id)) happened.push({ type: 'BackendRemoved', data: { id: id as BackendId } });
  }
  for (const [id, backend] of Object.entries(wanted)) {
    const event = placed(id as BackendId, backend, Object.hasOwn(present, id) ? present[id] : undefined);
    if (event !== undefined) happened.push(event);
  }
  return happened;
}

function putBackend(id: BackendId, backend: SparseBackend, state: Pool): Decision<PoolEvent> {
  const present = backendOf(state, id);
  if (present === undefined && Object.keys(state.backends).length >= MAX_BACKENDS)
    return tooMany(MAX_BACKENDS + 1);
  const event = placed(id, backend, present);
  return event === undefined ? events() : events(event);
}

function placed(
  id: BackendId,
  backend: SparseBackend,
  present: BackendState | undefined,
): PoolEvent | undefined {
  if (present === undefined) return { type: 'BackendAdded', data: { backend, id } };
  if (sameJson(backend, present.backend)) return undefined;
  return { type: 'BackendChanged', data: { backend, id } };
}

function tooMany(found: number): Decision<PoolEvent> {
  return rejected({
    type: 'backend_limit',
    detail: `expected at most ${MAX_BACKENDS} backends in a pool, found ${found}`,
  });
}
