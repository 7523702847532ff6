/** Pools: their settings, with or without their backends, and the live figures of their ledgers. */
import { ejectionsOf, type PoolState, quarantineEndOf } from '../../../actors/index.ts';
import {
  type Current,
  completeBackend,
  completePool,
  ownerNameOf,
  type PoolName,
  poolStream,
} from '../../../eventlog/index.ts';
import { parsePoolWish } from '../../config/index.ts';
import type { Call } from '../http/call.ts';
import { currentPage } from '../http/paging.ts';
import { poolOf } from '../http/path-params.ts';
import { type Leaver, waitOf } from '../http/prefer.ts';
import { Refused } from '../http/problem.ts';
import { type Done, etag, facts, removalReceipt } from '../http/receipt.ts';
import { json, type Reply } from '../http/reply.ts';
import { wishOf } from '../http/wish.ts';
import type { AdminPorts, History } from '../ports.ts';
import { put, remove } from './commands.ts';
import { withDrained } from './removed.ts';

type Pool = NonNullable<PoolState>;

export async function listPools(call: Call, { log }: AdminPorts): Promise<Reply> {
  const { rows, next } = await currentPage(call, log, 'pool');
  return json({ items: rows.map(itemOf), next });
}

export async function getPool(call: Call, { log }: AdminPorts): Promise<Reply> {
  const pool = await readPool(log, poolOf(call));
  return json(shown(pool), { etag: etag(pool.version) });
}

export async function putPool(call: Call, { desk, ownAddresses }: AdminPorts): Promise<Reply> {
  const pool = poolOf(call);
  const { settings, backends } = await wishOf(call, (raw) => parsePoolWish(raw, ownAddresses()));
  const all = backends === undefined ? {} : { backends: Object.fromEntries(backends) };
  return put(call, desk, {
    command: { type: 'PutPool', pool, settings, ...all },
    what: `pool ${pool}`,
    exists: (present) => present.pools.has(pool),
  });
}

/** A caller that removes with a wait may end the processes of the pool's backends when this is answered. */
export function deletePool(call: Call, ports: AdminPorts): Promise<Reply> {
  const pool = poolOf(call);
  const waitMs = waitOf(call);
  const gone = async (answer: Done) => {
    if (waitMs === undefined) return removalReceipt(answer);
    const leavers = await backendsBefore(pool, answer, call, ports);
    return withDrained(call, ports, { answer, known: facts(answer), leavers, waitMs });
  };
  return remove(call, ports.desk, { command: { type: 'RemovePool', pool }, what: `pool ${pool}` }, gone);
}

/** Read from history, so that a repeated command gets the same answer even if the pool has other backends by now. */
async function backendsBefore(
  pool: PoolName,
  { position }: Done,
  call: Call,
  { history, restorer = history }: AdminPorts,
): Promise<readonly Leaver[]> {
  const to = { type: 'position', position: position - 1 } as const;
  const wish = { to, at: position, scope: [poolStream(pool)] };
  const { changes } = await restorer.ask('restoration', wish, call.signal);
  return changes.flatMap((change) => (change.kind === 'backend' ? [{ pool, id: change.name }] : []));
}

/** Runtime state: requests in flight and waiting, drains, quarantines and ejections. Never part of the settings. */
export async function getLedger(call: Call, { log, ledger, now }: AdminPorts): Promise<Reply> {
  const name = poolOf(call);
  const pool = await readPool(log, name);
  const figures = ledger(name);
  const { maxConcurrency } = completePool(pool.settings);
  const backends = Object.entries(pool.backends).map(([id, backend]) => {
    const live =
      figures !== undefined && Object.hasOwn(figures.backends, id) ? figures.backends[id] : undefined;
    const limit = completeBackend(backend.backend).maxConcurrency ?? maxConcurrency;
    return [id, { inFlight: 0, limit, ...live, ...passing(pool, id, now()) }];
  });
  return json({
    waiting: figures?.waiting ?? 0,
    inUse: figures !== undefined,
    backends: Object.fromEntries(backends),
  });
}

/** An ejection whose time is over stays until a request has tried the backend. */
function passing(pool: Pool, id: string, nowMs: number) {
  const { drainUntilMs, quarantine } = pool.backends[id]!;
  const ejections = ejectionsOf(pool, id, nowMs);
  return {
    ...(drainUntilMs === undefined ? {} : { drainUntilMs }),
    ...(quarantineEndOf(pool, id, nowMs) > 0 ? { quarantine } : {}),
    ...(ejections.length > 0 ? { ejections } : {}),
  };
}

export async function readPool(log: History, pool: PoolName): Promise<Pool> {
  const row = await log.current(poolStream(pool));
  const state = (row?.state ?? null) as PoolState;
  if (state === null) throw new Refused('pool_not_found', `no pool ${pool}`);
  return state;
}

/** Shows all settings, so that putting back a response changes nothing. */
function shown(pool: Pool) {
  const backends = Object.entries(pool.backends).map(
    ([id, { backend }]) => [id, completeBackend(backend)] as const,
  );
  return { ...completePool(pool.settings), backends: Object.fromEntries(backends) };
}

function itemOf(row: Current) {
  const pool = row.state as Pool;
  return { name: ownerNameOf(row.stream), version: pool.version, ...shown(pool) };
}
