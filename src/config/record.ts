/** Objects used as maps. */

export type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isElsewhere(value);
}

/** Whether what it says has to be gone through, as a Map's, or waited for: to who looks at its keys it would say nothing. */
export function isElsewhere(value: object): boolean {
  if (Array.isArray(value)) return false;
  return Symbol.iterator in value || ('then' in value && typeof value.then === 'function');
}
