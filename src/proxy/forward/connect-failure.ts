/** Why a connection could not be made: the backend's doing, or our own shortage, which must not blame it. */
import type { QuarantineCause } from '../../../eventlog/index.ts';

const OWN_SHORTAGE: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);

/** Undefined: we are to blame. */
export function connectFailure(error: NodeJS.ErrnoException): QuarantineCause | undefined {
  const code = error.code ?? '';
  if (OWN_SHORTAGE.has(code)) return undefined;
  if (code === 'ETIMEDOUT') return 'connect_timeout';
  return code === 'ECONNREFUSED' ? 'connect_refused' : 'connect_failed';
}
