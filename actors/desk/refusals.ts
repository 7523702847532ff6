/** The desk's own rejections, and failures of the world as rejections. */
import { type Appended, LogUnavailable } from '../../eventlog/index.ts';
import type { Answer } from './command.ts';
import { OwnerUnavailable } from './desk-owners.ts';
import type { Rejection } from './rejection.ts';

export type Rejected = Extract<Answer, { type: 'rejected' }>;

function refuse(rejection: Rejection): Rejected {
  return { type: 'rejected', rejection };
}

export function unknownPool(host: string, pool: string): Rejected {
  return refuse({ type: 'pool_unknown', detail: `domain ${host} names pool ${pool}, which does not exist` });
}

export function inUse(pool: string, domains: readonly string[]): Rejected {
  const list = domains.slice(0, 5).join(', ');
  return refuse({ type: 'pool_in_use', detail: `pool ${pool} serves ${list}`, domains });
}

export function reused(commandId: string): Rejected {
  return refuse({
    type: 'idempotency_key_reused',
    detail: `the key ${JSON.stringify(commandId)} was used before for another command`,
  });
}

export function mismatch(conflict: Extract<Appended, { type: 'conflict' }>): Rejected {
  const { stream, expected, found, won } = conflict;
  const detail = `expected version ${expected} of ${stream}, found ${found}`;
  return refuse({ type: 'version_mismatch', detail, expected, found, won });
}

export function clashing({ pool, other }: Extract<Appended, { type: 'clash' }>): Rejected {
  const detail = `pool ${pool}: expected a name whose key no other pool has, found that of ${other}; choose another name`;
  return refuse({ type: 'pool_clash', detail });
}

/** A failure of the world becomes a rejection, so that routing goes on; our own mistakes are thrown on. */
export function refusalFor(error: unknown): Rejection {
  if (error instanceof OwnerUnavailable) {
    return { type: 'owner_unavailable', detail: error.message, retryAfterMs: error.retryAfterMs };
  }
  if (error instanceof LogUnavailable) {
    return { type: error.code === 'log_full' ? 'log_full' : 'log_unavailable', detail: error.message };
  }
  throw error;
}
