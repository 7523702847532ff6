/** What is recorded when a request has ended: its metrics, its journal record, and its line in the access log. */
import type { Outcome } from '../../actors/index.ts';
import type { JournalledRequest } from '../telemetry/request-journal.ts';
import { codeLabel } from '../telemetry/request-metrics.ts';
import type { Hop, RequestHead } from '../wire/index.ts';
import { type OutcomeRow, rowOf } from './answer/outcome-table.ts';
import type { PlaneContext } from './context.ts';
import type { Choice } from './route/choice.ts';
import type { BackendRoute } from './routing-table.ts';

type EndedRequest = JournalledRequest & {
  readonly context: PlaneContext;
  readonly head: RequestHead;
  readonly client: { readonly hop: Hop };
  readonly backend: BackendRoute | undefined;
  readonly choice: Choice | undefined;
  /** How the end is reported if not as the outcome table says. */
  readonly row: OutcomeRow | undefined;
};

export function recordEnd(request: EndedRequest, nowMs: number): void {
  const { context, tenancy, connectedAtMs } = request;
  const row = request.row ?? rowOf((request.outcome as Outcome).type);
  const metrics = context.metrics.pool(request.pool?.name ?? '');
  const label = codeLabel(row.code, request.status);
  metrics.count(label);
  if (connectedAtMs >= 0) metrics.service.add(nowMs - connectedAtMs);
  if (tenancy !== undefined && tenancy.waitedMs >= 0) metrics.wait.add(tenancy.waitedMs);
  metrics.bytesOut += request.bytesOut;
  metrics.bytesIn += request.bytesIn;
  if (context.journal !== undefined) context.journal.record(request, nowMs);
  if (context.accessLog !== undefined) log(request, row, nowMs);
}

function log(request: EndedRequest, row: OutcomeRow, nowMs: number): void {
  const { head, connectedAtMs, connectStartedMs } = request;
  const isConnected = connectedAtMs >= 0;
  request.context.accessLog?.record({
    endedAtMs: nowMs,
    sock: row.sock ?? '',
    at: row.at,
    code: row.code,
    desc: row.desc,
    cause: row.cause ?? '',
    method: head.method,
    path: head.target,
    host: head.host,
    requestId: request.requestId,
    fwd: forwardedFor(request),
    dyno: request.backend?.id ?? '',
    connectMs: connectStartedMs < 0 ? -1 : (isConnected ? connectedAtMs : nowMs) - connectStartedMs,
    serviceMs: isConnected ? nowMs - connectedAtMs : -1,
    status: request.status === 0 ? row.status : request.status,
    bytes: isConnected ? request.bytesOut : -1,
    protocol: `http1.${head.version}`,
    outcome: request.outcome?.type ?? '',
    // The program that decides in place of a pool has none of its own.
    pool: request.context.delegate === undefined ? (request.pool?.name ?? '') : '',
    waitMs: request.tenancy?.waitedMs ?? -1,
    route: request.choice?.route?.index ?? -1,
    affinity: request.choice?.affinity ?? '',
  });
}

/** The X-Forwarded-For value that the backend was sent, or would have been sent. */
function forwardedFor({ client, head }: EndedRequest): string {
  if (!client.hop.isTrusted) return client.hop.address;
  let list = '';
  for (let i = 0; i < head.fields.length; i += 2) {
    if (head.fields[i]?.toLowerCase() === 'x-forwarded-for' && head.fields[i + 1] !== '')
      list += `${head.fields[i + 1]}, `;
  }
  return list + client.hop.address;
}
