/** What is written down when a request has ended: its metrics, and its line in the access log. */
import type { Outcome } from '../../actors/index.ts';
import { codeLabel } from '../telemetry/request-metrics.ts';
import type { Exchange } from './exchange.ts';
import { type OutcomeRow, rowOf } from './outcome-table.ts';

export function recordEnd(exchange: Exchange, nowMs: number): void {
  const { context, tenancy } = exchange;
  const row = exchange.row ?? rowOf((exchange.outcome as Outcome).type);
  const metrics = context.metrics.pool(exchange.pool?.name ?? '');
  const label = codeLabel(row.code, exchange.status);
  metrics.count(label);
  metrics.service.add(nowMs - exchange.startedAtMs);
  if (tenancy !== undefined && tenancy.waitedMs >= 0) metrics.wait.add(tenancy.waitedMs);
  metrics.bytesOut += exchange.bytesOut;
  if (exchange.body !== undefined) metrics.bytesIn += exchange.body.bytes;
  if (context.journal !== undefined) context.journal.record(exchange, nowMs);
  if (context.accessLog !== undefined) log(exchange, row, nowMs);
}

function log(exchange: Exchange, row: OutcomeRow, nowMs: number): void {
  const { head, connectedAtMs, connectStartedMs } = exchange;
  const isConnected = connectedAtMs >= 0;
  exchange.context.accessLog?.record({
    sock: row.sock ?? '',
    at: row.at,
    code: row.code,
    desc: row.desc,
    cause: row.cause ?? '',
    method: head.method,
    path: head.target,
    host: head.host,
    requestId: exchange.requestId,
    fwd: forwardedFor(exchange),
    dyno: exchange.backend?.id ?? '',
    connectMs: connectStartedMs < 0 ? -1 : (isConnected ? connectedAtMs : nowMs) - connectStartedMs,
    serviceMs: isConnected ? nowMs - connectedAtMs : -1,
    status: exchange.status === 0 ? row.status : exchange.status,
    bytes: isConnected ? exchange.bytesOut : -1,
    protocol: `http1.${head.version}`,
    outcome: exchange.outcome?.type ?? '',
    route: exchange.choice?.route?.index ?? -1,
    affinity: exchange.choice?.affinity ?? '',
  });
}

/** The value the backend was sent, or would have been. */
function forwardedFor({ client, head }: Exchange): string {
  if (!client.hop.isTrusted) return client.hop.address;
  let list = '';
  for (let i = 0; i < head.fields.length; i += 2) {
    if (head.fields[i]?.toLowerCase() === 'x-forwarded-for' && head.fields[i + 1] !== '')
      list += `${head.fields[i + 1]}, `;
  }
  return list + client.hop.address;
}
