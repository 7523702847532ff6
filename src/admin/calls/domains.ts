/** Domains: which pool serves a host. */
import type { DomainState } from '../../../actors/index.ts';
import { type Current, completeDomain, domainStream, ownerNameOf } from '../../../eventlog/index.ts';
import { parseDomainWish } from '../../config/index.ts';
import type { Call } from '../http/call.ts';
import { currentPage } from '../http/paging.ts';
import { hostOf } from '../http/path-params.ts';
import { problem } from '../http/problem.ts';
import { etag } from '../http/receipt.ts';
import { json, type Reply } from '../http/reply.ts';
import { wishOf } from '../http/wish.ts';
import type { AdminPorts } from '../ports.ts';
import { put, remove } from './commands.ts';

export async function listDomains(call: Call, { log }: AdminPorts): Promise<Reply> {
  const { rows, next } = await currentPage(call, log, 'domain');
  return json({ items: rows.map(itemOf), next });
}

export async function getDomain(call: Call, { log }: AdminPorts): Promise<Reply> {
  const host = hostOf(call);
  const row = await log.current(domainStream(host));
  const state = (row?.state ?? null) as DomainState;
  if (state === null) return problem('domain_not_found', `no domain ${host}`);
  return json(completeDomain(state.settings), { etag: etag(state.version) });
}

export async function putDomain(call: Call, { desk }: AdminPorts): Promise<Reply> {
  const host = hostOf(call);
  const settings = await wishOf(call, parseDomainWish);
  return put(call, desk, {
    command: { type: 'PutDomain', host, settings },
    what: `domain ${host}`,
    exists: (present) => present.domains.has(host),
  });
}

export function deleteDomain(call: Call, { desk }: AdminPorts): Promise<Reply> {
  const host = hostOf(call);
  return remove(call, desk, { command: { type: 'RemoveDomain', host }, what: `domain ${host}` });
}

function itemOf(row: Current) {
  const state = row.state as NonNullable<DomainState>;
  return {
    name: ownerNameOf(row.stream),
    version: state.version,
    ...completeDomain(state.settings),
  };
}
