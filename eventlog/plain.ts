/**
 * Domains of which only the pool is said, pools without settings and backends that are only an address: nearly all are such in a
 * bulk. They are told at a glance, where a schema or JSON's parser takes longer than everything else that is done with them.
 */
import { parseBackendId, parsePoolName } from './names.ts';
import { isAddress } from './setting-values.ts';

type PlainDomain = { readonly settings: { readonly pool: string } };

const BEFORE = '{"settings":{"pool":"';
// They escape nothing.
const DATA = /^\{"settings":\{"pool":"[^"\\]+"\}\}$/;
const STATE = /^\{"settings":\{"pool":"[^"\\]+"\},"version":\d+\}$/;

/** What the canonical text of an event of a plain domain says. */
export function plainDomain(data: string): PlainDomain | undefined {
  return DATA.test(data) ? { settings: { pool: poolIn(data) } } : undefined;
}

/** The pool in the canonical text of a plain domain's state. */
export function poolOfPlain(state: string): string | undefined {
  return STATE.test(state) ? poolIn(state) : undefined;
}

function poolIn(text: string): string {
  return text.slice(BEFORE.length, text.indexOf('"', BEFORE.length));
}

/** `data`, here and below: of an event, which is sound if this is true. */
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
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === key;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
