/**
 * Recognises plain settings: domains with only a pool, pools without settings, backends with only an address, as
 * nearly all are in a bulk. Recognising them is fast, while a schema or the JSON parser would take longer than all
 * other work on them.
 */

import type { Json } from '../json.ts';
import { parseBackendId, parsePoolName } from '../names.ts';
import { isAddress } from '../settings/address.ts';

// Canonical texts without escapes.
const DOMAIN = /^\{"settings":\{"pool":"[^"\\]+"\}\}$/;
const BACKEND = /^\{"backend":\{"address":"[^"\\]+"\},"id":"[^"\\]+"\}$/;
const POOL = '{"settings":{}}';
const STATE = /^\{"settings":\{"pool":"[^"\\]+"\},"version":\d+\}$/;

/** The data in the canonical text of a plain event; undefined: it is not plain. */
export function plainData(text: string): Json | undefined {
  if (DOMAIN.test(text)) return { settings: { pool: textAt(text, '{"settings":{"pool":"'.length) } };
  if (text === POOL) return { settings: {} };
  if (!BACKEND.test(text)) return undefined;
  const address = textAt(text, '{"backend":{"address":"'.length);
  return { backend: { address }, id: textAt(text, `{"backend":{"address":"${address}"},"id":"`.length) };
}

/** The pool in the canonical text of a plain domain's state. */
export function poolOfPlain(state: string): string | undefined {
  return STATE.test(state) ? textAt(state, '{"settings":{"pool":"'.length) : undefined;
}

function textAt(text: string, start: number): string {
  return text.slice(start, text.indexOf('"', start));
}

/** Here and below, `data` is an event's; if the result is true, it is valid. */
export function isPlainDomain(data: unknown): boolean {
  if (!hasOnly(data, 'settings') || !hasOnly(data['settings'], 'pool')) return false;
  const { pool } = data['settings'];
  return typeof pool === 'string' && parsePoolName(pool).ok;
}

export function isPlainPool(data: unknown): boolean {
  return (
    hasOnly(data, 'settings') && isRecord(data['settings']) && Object.keys(data['settings']).length === 0
  );
}

export function isPlainBackend(data: unknown): boolean {
  if (!isRecord(data) || Object.keys(data).length !== 2) return false;
  const { id, backend } = data;
  if (typeof id !== 'string' || !parseBackendId(id).ok) return false;
  return hasOnly(backend, 'address') && isAddress(backend['address']);
}

function hasOnly<Key extends string>(value: unknown, key: Key): value is { readonly [key in Key]: unknown } {
  if (!isRecord(value)) return false;
  for (const each in value) if (each !== key) return false;
  return Object.hasOwn(value, key);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
