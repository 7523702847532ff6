/** The backends of one pool: each has its own settings and version, and can be drained. */

import { z } from 'zod';
import { type BackendState, backendOf, type Drained } from '../../../actors/index.ts';
import { completeBackend } from '../../../eventlog/index.ts';
import { parseBackendWish } from '../../config/index.ts';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { page, wholePage } from '../http/paging.ts';
import { backendIdOf, poolOf } from '../http/path-params.ts';
import { allDrained, WAITED, waitOf } from '../http/prefer.ts';
import { problem, rejected } from '../http/problem.ts';
import { type Done, etag, facts, positionHeader, removalReceipt } from '../http/receipt.ts';
import { json, type Reply } from '../http/reply.ts';
import { wishOf } from '../http/wish.ts';
import type { AdminPorts } from '../ports.ts';
import { askAs, put, remove } from './commands.ts';
import { readPool } from './pools.ts';
import { stillDraining } from './removed.ts';

export async function listBackends(call: Call, { log }: AdminPorts): Promise<Reply> {
  const { after, limit } = page(call);
  const pool = await readPool(log, poolOf(call));
  const ids = Object.keys(pool.backends).sort();
  const rest = after === undefined ? ids : ids.filter((id) => id > after);
  const items = rest.slice(0, limit + 1).map((name) => itemOf(name, pool.backends[name]!));
  return json(wholePage(items, limit));
}

export async function getBackend(call: Call, { log }: AdminPorts): Promise<Reply> {
  const [name, id] = [poolOf(call), backendIdOf(call)];
  const present = backendOf(await readPool(log, name), id);
  if (present === undefined) return problem('backend_not_found', `no backend ${id} in pool ${name}`);
  return json(completeBackend(present.backend), { etag: etag(present.version) });
}

export async function putBackend(call: Call, { desk, ownAddresses }: AdminPorts): Promise<Reply> {
  const [pool, id] = [poolOf(call), backendIdOf(call)];
  const backend = await wishOf(call, (raw) => parseBackendWish(raw, ownAddresses()));
  return put(call, desk, {
    command: { type: 'PutBackend', pool, id, backend },
    what: `backend ${id} of pool ${pool}`,
    exists: (present) => backendOf(present.pools.get(pool) ?? null, id) !== undefined,
  });
}

/** A caller that removes with a wait may end the backend's process when this is answered. */
export function deleteBackend(call: Call, ports: AdminPorts): Promise<Reply> {
  const waitMs = waitOf(call);
  const [pool, id] = [poolOf(call), backendIdOf(call)];
  const what = `backend ${id} of pool ${pool}`;
  const gone = async (answer: Done) => {
    if (waitMs === undefined) return removalReceipt(answer);
    const ends = await allDrained(call, ports, [{ pool, id }], waitMs);
    return drainReport(call, ends?.[0], facts(answer), { ...positionHeader(answer), ...WAITED });
  };
  return remove(call, ports.desk, { command: { type: 'RemoveBackend', pool, id }, what }, gone);
}

const drainBody = z.strictObject({
  // 30 s: the default drain of the process itself. One day: a delay that a Node timer can certainly hold.
  timeoutMs: z.int().min(0).max(86_400_000).default(30_000),
});

export async function drainBackend(call: Call, ports: AdminPorts): Promise<Reply> {
  const { desk, now } = ports;
  const waitMs = waitOf(call);
  const [pool, id] = [poolOf(call), backendIdOf(call)];
  const { timeoutMs } = await bodyBy(call, drainBody);
  const untilMs = now() + timeoutMs;
  // A repetition comes later and has another deadline but means the same, so the digest has the timeout.
  const digest = { type: 'DrainBackend', pool, id, timeoutMs };
  const answer = await askAs(desk, { type: 'DrainBackend', pool, id, untilMs }, call, digest);
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const headers = { ...positionHeader(answer), etag: etag(answer.version) };
  if (waitMs === undefined) return json(facts(answer), headers);
  const ends = await allDrained(call, ports, [{ pool, id }], waitMs);
  return drainReport(call, ends?.[0], facts(answer), { ...headers, ...WAITED });
}

function drainReport(
  call: Call,
  end: Drained | undefined,
  known: object,
  headers: Readonly<Record<string, string>>,
): Reply {
  if (end === undefined) return stillDraining(call, known, headers);
  const { type, finished, cut } = end;
  if (type !== 'withdrawn') return json({ ...known, drained: true, finished, cut }, headers);
  const detail = 'the backend was put up again before its drain was over';
  return problem('drain_withdrawn', detail, { headers, members: { finished, cut } });
}

function itemOf(name: string, { backend, version }: BackendState) {
  return { name, version, ...completeBackend(backend) };
}
