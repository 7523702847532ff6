/** What the process log tells of the supervision tree: who crashed, was restarted, or waits for better times. */
import type { SupervisionEvent } from '../../actors/index.ts';
import type { ProcessLog } from './process-log.ts';

export function tellSupervision(log: ProcessLog, event: SupervisionEvent): void {
  const { type, id } = event;
  if (type === 'crashed' || type === 'escalated') log.error({ actor: id, err: event.error }, `${id} ${type}`);
  else if (type === 'parked')
    log.error({ actor: id, err: event.error, retryAtMs: event.retryAtMs }, `${id} parked`);
  else if (type === 'restarted') log.warn({ actor: id, restarts: event.restarts }, `${id} restarted`);
  else log.debug({ actor: id }, `${id} ${type}`);
}
