/** The one JSON text of a value: keys sorted, nothing that JSON cannot represent, so that equal values are equal bytes. */
import type { Json } from '../json.ts';

export function canonicalJson(value: unknown): string {
  // A value whose keys are already in order, as in nearly all, is written by JSON itself in half the time.
  if (isInOrder(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(',')}]`;
  if (isPlain(value)) return objectText(value);
  if (typeof value === 'number') throw new TypeError(`expected a finite number, found ${value}`);
  throw new TypeError(`expected a value that JSON can say, found ${nameOf(value)}`);
}

/** Parses a canonical text: keys keep their canonical order. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/** Whether `JSON.stringify` writes all of it, and in canonical form. */
function isInOrder(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  // JSON would write null, which is another value; likewise for a hole in a list, which `every` skips.
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isInOrder) && !value.includes(undefined);
  if (!isPlain(value)) return false;
  let last = '';
  // Makes no list of the keys; an inherited key only makes the value look out of order.
  for (const key in value) {
    if (key < last || !isInOrder(value[key])) return false;
    last = key;
  }
  return true;
}

function objectText(value: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    // As JSON.stringify does it: an undefined member is absent.
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  return typeof value === 'object' ? (value?.constructor?.name ?? 'an object') : typeof value;
}
