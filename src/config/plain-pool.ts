/**
 * Recognises pools with nothing but the addresses of their backends, as nearly all are in a bulk: a schema that knows
 * every setting takes five times as long.
 */
import { type BackendId, isAddress, parseBackendId, type SparseBackend } from '../../eventlog/index.ts';
import { ownListener } from './host-port.ts';
import { isRecord } from './record.ts';

/** Its backends; undefined if it has other settings or something is wrong, which the full schema reports. */
export function plainBackends(
  raw: unknown,
  own: { readonly listeners: readonly string[]; readonly local: readonly string[] },
): Map<BackendId, SparseBackend> | undefined {
  const given = onlyMember(raw, 'backends');
  if (!isRecord(given)) return undefined;
  const backends = new Map<BackendId, SparseBackend>();
  for (const text of Object.keys(given)) {
    const id = parseBackendId(text);
    const address = onlyMember(given[text], 'address');
    if (!id.ok || !isAddress(address)) return undefined;
    if (ownListener(address, own.listeners, own.local) !== undefined) return undefined;
    backends.set(id.value, { address });
  }
  return backends;
}

export function onlyMember(value: unknown, key: string): unknown {
  if (!isRecord(value)) return undefined;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === key ? value[key] : undefined;
}
