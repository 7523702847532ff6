/** Removing backends with a wait: once it is answered, their processes may be stopped. */
import type { Drained } from '../../../actors/index.ts';
import type { Change } from '../../config/index.ts';
import type { Call } from '../http/call.ts';
import { allDrained, type Leaver, WAITED } from '../http/prefer.ts';
import { problem } from '../http/problem.ts';
import { type Done, positionHeader } from '../http/receipt.ts';
import { json, type Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

export type Removed = {
  readonly answer: Done;
  /** The part of the response that does not depend on the wait. */
  readonly known: object;
  readonly leavers: readonly Leaver[];
  /** As returned by `waitOf`. */
  readonly waitMs: number | undefined;
};

/** If the caller waits, adds how each backend ended. */
export async function withDrained(call: Call, ports: AdminPorts, removed: Removed): Promise<Reply> {
  const { answer, known, leavers, waitMs } = removed;
  if (waitMs === undefined) return json(known, positionHeader(answer));
  const ends = await allDrained(call, ports, leavers, waitMs);
  const headers = { ...positionHeader(answer), ...WAITED };
  if (ends === undefined) return stillDraining(call, known, headers);
  const drained = leavers.map(({ pool, id }, at) => ({ pool, backend: id, ...endOf(ends[at]!) }));
  return json({ ...known, drained }, headers);
}

export function removedIn(changes: readonly Change[]): Leaver[] {
  return changes.flatMap((change) =>
    change.kind === 'backend' && change.change === 'remove' ? [{ pool: change.pool, id: change.name }] : [],
  );
}

/** `withdrawn`: the backend was added again before all its requests had ended. */
function endOf({ type, finished, cut }: Drained) {
  return { finished, cut, ...(type === 'withdrawn' ? { withdrawn: true } : {}) };
}

/** The time to wait is over, or the router is stopping; the drain continues. */
export function stillDraining(call: Call, known: object, headers: Readonly<Record<string, string>>): Reply {
  if (!call.gone().aborted) return json({ ...known, drained: false }, headers, 202);
  const detail = 'the router is stopping; the change is recorded and holds when it is back';
  return problem('router_stopping', detail, { headers: { ...headers, 'retry-after': '1' } });
}
