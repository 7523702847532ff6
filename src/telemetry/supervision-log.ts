/**
 * Logs the supervision tree to the process log: crashes, restarts, and parked actors. An actor that fails repeatedly
 * for one reason is reported once, until it runs again.
 */
import type { SupervisionEvent, SupervisionListener } from '../../actors/index.ts';
import type { ProcessLog } from './process-log.ts';

type Unwell = Extract<SupervisionEvent, { readonly type: 'crashed' | 'parked' | 'escalated' }>;

export function supervisionLog(log: ProcessLog): SupervisionListener {
  /** For each failing actor, what was last logged of its crashes and its parking. */
  const told = new Map<string, Map<Unwell['type'], string>>();

  function tellUnwell(event: Unwell): void {
    const { type, id, error } = event;
    const before = told.get(id) ?? new Map<Unwell['type'], string>();
    const reason = error instanceof Error ? error.message : String(error);
    const level = before.get(type) === reason ? 'debug' : 'error';
    told.set(id, before.set(type, reason));
    const until = type === 'parked' ? { retryAtMs: event.retryAtMs } : {};
    log[level]({ actor: id, err: error, ...until }, `${id} ${type}`);
  }

  return (event) => {
    const { type, id } = event;
    if (type === 'crashed' || type === 'parked' || type === 'escalated') return tellUnwell(event);
    told.delete(id);
    if (type === 'restarted') log.warn({ actor: id, restarts: event.restarts }, `${id} restarted`);
    else log.debug({ actor: id }, `${id} ${type}`);
  };
}
