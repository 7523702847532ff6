/** Every route of the admin API: method, path, known query keys, and handler. */

import { apply } from './calls/apply.ts';
import { deleteBackend, drainBackend, getBackend, listBackends, putBackend } from './calls/backends.ts';
import { getConfirmations, postConfirm } from './calls/confirm.ts';
import { deleteDomain, getDomain, listDomains, putDomain } from './calls/domains.ts';
import { getEvents } from './calls/events.ts';
import { getRequest, postExplain } from './calls/explain.ts';
import { postImport } from './calls/import.ts';
import { deletePool, getLedger, getPool, listPools, putPool } from './calls/pools.ts';
import { postArchive, postExport, postVerify } from './calls/portions.ts';
import { postReplay } from './calls/replay.ts';
import { postRollback, ROLLBACK_KEYS } from './calls/rollback.ts';
import { SEARCH_KEYS } from './calls/search.ts';
import { postQuery } from './calls/sql.ts';
import { getDiff, getState } from './calls/state.ts';
import { getActors, getHealth, getMetrics, getReady, postChaos } from './calls/system.ts';
import { postTakeover } from './calls/takeover.ts';
import { replaceWorkers } from './calls/workers.ts';
import type { Call } from './http/call.ts';
import { SCOPE_KEYS } from './http/moments.ts';
import { PAGE_KEYS } from './http/paging.ts';
import { json, type Reply } from './http/reply.ts';
import type { AdminPorts } from './ports.ts';

export type Handler = (call: Call, ports: AdminPorts) => Promise<Reply>;

export type Route = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Segments; one that begins with a colon is a parameter. */
  readonly pattern: readonly string[];
  readonly handler: Handler;
  readonly query: readonly string[];
  readonly limitBytes: number;
  /** Answered without a token: probes have none. */
  readonly open: boolean;
};

const MIB = 1024 * 1024;

export const ROUTES: readonly Route[] = [
  route('GET', '/v1', listRoutes),

  route('GET', '/v1/domains', listDomains, { query: PAGE_KEYS }),
  route('GET', '/v1/domains/:host', getDomain),
  route('PUT', '/v1/domains/:host', putDomain),
  route('DELETE', '/v1/domains/:host', deleteDomain),

  route('GET', '/v1/pools', listPools, { query: PAGE_KEYS }),
  route('GET', '/v1/pools/:pool', getPool),
  route('PUT', '/v1/pools/:pool', putPool),
  route('DELETE', '/v1/pools/:pool', deletePool),
  route('GET', '/v1/pools/:pool/ledger', getLedger),

  route('GET', '/v1/pools/:pool/backends', listBackends, { query: PAGE_KEYS }),
  route('GET', '/v1/pools/:pool/backends/:id', getBackend),
  route('PUT', '/v1/pools/:pool/backends/:id', putBackend),
  route('DELETE', '/v1/pools/:pool/backends/:id', deleteBackend),
  route('POST', '/v1/pools/:pool/backends/:id/drain', drainBackend),

  // 64 MiB: 10 000 changes of the largest settings, with room for what does not change.
  route('POST', '/v1/apply', apply, {
    query: ['dryRun', 'allowRemovals', 'confirmWithinMs'],
    limitBytes: 64 * MIB,
  }),
  route('POST', '/v1/import', postImport, { query: ['from', 'first', 'chunk'] }),
  route('GET', '/v1/state', getState, { query: ['at', ...SCOPE_KEYS] }),
  route('GET', '/v1/diff', getDiff, { query: ['from', 'to', ...SCOPE_KEYS] }),
  route('POST', '/v1/confirm', postConfirm),
  route('GET', '/v1/confirmations', getConfirmations),
  route('POST', '/v1/rollback', postRollback, { query: ROLLBACK_KEYS }),
  route('GET', '/v1/events', getEvents, {
    query: ['from', 'to', 'limit', 'stream', 'follow', ...SEARCH_KEYS],
  }),
  route('GET', '/v1/requests/:id', getRequest),
  route('POST', '/v1/explain', postExplain),
  route('POST', '/v1/replay', postReplay),
  route('POST', '/v1/query', postQuery),

  route('GET', '/v1/actors', getActors, { query: PAGE_KEYS }),
  route('POST', '/v1/workers/replace', replaceWorkers),
  route('POST', '/v1/takeover', postTakeover, { query: ['pid', 'directory'] }),
  route('POST', '/v1/chaos', postChaos),
  route('POST', '/v1/verify', postVerify),
  route('POST', '/v1/export', postExport, { query: ['from', 'to'] }),
  route('POST', '/v1/archive', postArchive),

  route('GET', '/metrics', getMetrics),
  route('GET', '/healthz', getHealth, { open: true }),
  route('GET', '/readyz', getReady, { open: true }),
];

/** The entry point: a client that knows only the address finds everything else from here. */
async function listRoutes(_call: Call, { chaos }: AdminPorts): Promise<Reply> {
  const items = routesOf(chaos !== undefined).map(({ method, pattern, query }) => ({
    method,
    path: pattern.map((part) => `/${part.startsWith(':') ? `{${part.slice(1)}}` : part}`).join(''),
    query,
  }));
  return json({ items });
}

/** The routes that exist in this process. */
export function routesOf(hasChaos: boolean): readonly Route[] {
  return hasChaos ? ROUTES : ROUTES.filter(({ pattern }) => pattern.at(-1) !== 'chaos');
}

type Options = Partial<Pick<Route, 'query' | 'limitBytes' | 'open'>>;

function route(method: Route['method'], path: string, handler: Handler, options: Options = {}): Route {
  const pattern = path.split('/').slice(1);
  return { method, pattern, handler, query: [], limitBytes: MIB, open: false, ...options };
}
