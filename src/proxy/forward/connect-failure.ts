/**
 * Why a connection failed: because of the backend, or because of our own shortage, for which the backend must not be
 * blamed.
 */
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
