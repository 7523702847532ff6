/** The one JSON text of a value: keys sorted, nothing that JSON cannot say, so that equal values are equal bytes. */
import type { Json } from '../json.ts';

export function canonicalJson(value: unknown): string {
  // Of what stands in order as it comes, and nearly all does, JSON itself makes the text in half the time.
  if (isInOrder(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(',')}]`;
  if (isPlain(value)) return objectText(value);
  if (typeof value === 'number') throw new TypeError(`expected a finite number, found ${value}`);
  throw new TypeError(`expected a value that JSON can say, found ${nameOf(value)}`);
}

/** The same value with keys in canonical order, sharing nothing with the given one. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/** Whether `JSON.stringify` says all of it, and says it so. */
function isInOrder(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  // It would write null, which is another value; and so it would for a hole of a list, which `every` passes over.
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isInOrder) && !value.includes(undefined);
  if (!isPlain(value)) return false;
  let last = '';
  // No list of the keys is made for it; what it inherits, if anything, only makes it look out of order.
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
    // As JSON.stringify has it: an undefined member is an absent one.
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
