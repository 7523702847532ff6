/** Objects used as maps. */

export type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isElsewhere(value);
}

/** Whether its content is not in its keys, but must be iterated, as in a Map, or awaited. */
export function isElsewhere(value: object): boolean {
  if (Array.isArray(value)) return false;
  return Symbol.iterator in value || ('then' in value && typeof value.then === 'function');
}
