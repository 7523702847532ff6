/** The one JSON text of a value: keys sorted, nothing that JSON cannot say, so that equal values are equal bytes. */
import type { Json } from './event-log.ts';

export function canonicalJson(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return JSON.stringify(value);
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isPlain(value)) return objectText(value);
  throw new TypeError(`expected a value that JSON can say, found ${nameOf(value)}`);
}

/** The same value with keys in canonical order, sharing nothing with the given one. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

function objectText(value: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key of sorted(Object.keys(value))) {
    const member = value[key];
    // As JSON.stringify has it: an undefined member is an absent one.
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** Nearly all are in order as they come, and a sort takes memory even then. */
function sorted(keys: string[]): string[] {
  for (let index = 1; index < keys.length; index++) if (keys[index]! < keys[index - 1]!) return keys.sort();
  return keys;
}

function numberText(value: number): string {
  // JSON.stringify would write null, which is another value.
  if (!Number.isFinite(value)) throw new TypeError(`expected a finite number, found ${value}`);
  return JSON.stringify(value);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  return typeof value === 'object' ? (value?.constructor?.name ?? 'an object') : typeof value;
}
