/** `Prefer: wait` (RFC 7240 §4.3): the answer may wait for the effect of the command, for a limited time. */
import type { Drained } from '../../../actors/index.ts';
import type { BackendId, PoolName } from '../../../eventlog/index.ts';
import type { AdminPorts } from '../ports.ts';
import { type Call, header } from './call.ts';

export const WAITED = { 'preference-applied': 'wait' } as const;

/** In milliseconds; Infinity for `wait` without a number, undefined if the client does not want to wait. */
export function waitOf(call: Call): number | undefined {
  for (const preference of (header(call, 'prefer') ?? '').split(',')) {
    const found = /^\s*wait\s*(?:=\s*"?(\d{1,6})"?\s*)?(?:;.*)?$/i.exec(preference);
    if (found !== null) return found[1] === undefined ? Number.POSITIVE_INFINITY : Number(found[1]) * 1000;
  }
  return undefined;
}

export type Leaver = { readonly pool: PoolName; readonly id: BackendId };

/**
 * How each backend ended, in this order; undefined if the time is up, the client has gone, or the admin API is closing.
 */
export async function allDrained(
  call: Call,
  { drained }: AdminPorts,
  leavers: readonly Leaver[],
  waitMs: number,
): Promise<readonly Drained[] | undefined> {
  const gone = call.gone();
  const late = waitMs === Number.POSITIVE_INFINITY ? [] : [AbortSignal.timeout(waitMs)];
  const signal = AbortSignal.any([gone, ...late]);
  const ends = await Promise.all(leavers.map(({ pool, id }) => drained(pool, id, signal)));
  return ends.every((end) => end !== undefined) ? ends : undefined;
}
