/**
 * Logs the pools' health to the process log: whatever is recorded of it, in lines that can be read and searched.
 * Failing probes are logged by the prober, which knows the reason.
 */
import type { BackendHealth, EventType, Happened } from '../../eventlog/index.ts';
import type { ProcessLog } from './process-log.ts';

// The prefix of the streams of pools.
const PREFIX = 'pool-';

type Withheld = BackendHealth & { readonly id: string; readonly withheld: readonly string[] };

const TOLD: ReadonlySet<EventType> = new Set([
  'BackendQuarantined',
  'BackendHealthChanged',
  'BackendStarted',
  'CapacityWanted',
]);

export function logHealth(log: ProcessLog, happened: Happened): void {
  if (!happened.hasAny(TOLD)) return;
  for (const event of happened.events) {
    const pool = event.stream.slice(PREFIX.length);
    if (event.type === 'BackendQuarantined') {
      const { id, cause, untilMs } = event.data;
      log.warn({ pool, backend: id, cause, until: timeOf(untilMs) }, `${id} of ${pool} is quarantined`);
    } else if (event.type === 'BackendHealthChanged') tellChange(log, pool, event.data);
    else if (event.type === 'BackendStarted')
      log.info(
        { pool, backend: event.data.id },
        `${event.data.id} of ${pool} passes its health checks and is up`,
      );
    else if (event.type === 'CapacityWanted') log.warn({ pool, ...event.data }, `${pool} wants capacity`);
  }
}

function tellChange(log: ProcessLog, pool: string, { id, ejections, withheld, probes }: Withheld): void {
  const about = { pool, backend: id };
  for (const { route, untilMs, level } of ejections)
    log.warn(
      { ...about, ...on(route), until: timeOf(untilMs), inARow: level },
      `${id} of ${pool} is ejected`,
    );
  for (const route of withheld)
    log.warn(
      { ...about, ...on(route) },
      `${id} of ${pool} is an outlier, but stays in use: no more may be ejected`,
    );
  if (probes === 'passing' && ejections.length + withheld.length === 0)
    log.info(about, `${id} of ${pool} is back`);
}

function on(route: string): { readonly route?: string } {
  return route === '' ? {} : { route };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
