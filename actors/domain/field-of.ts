/** Looks up a header in a flat list: name, value, name, value, as received. */

/**
 * RFC 9110 §5.3: all lines of a name form one list; cookie lines (RFC 6265 §5.4) are joined into one. `name`: in lower
 * case. '': no such field.
 */
export function fieldOf(fields: readonly string[], name: string): string {
  const { length } = name;
  let value = '';
  let isFirst = true;
  for (let i = 0; i < fields.length; i += 2) {
    const found = fields[i]!;
    // Length first: it tells nearly every other name apart without making a string.
    if (found.length !== length || (found !== name && found.toLowerCase() !== name)) continue;
    value = isFirst ? fields[i + 1]! : value + (name === 'cookie' ? '; ' : ', ') + fields[i + 1]!;
    isFirst = false;
  }
  return value;
}

export function hasField(fields: readonly string[], name: string): boolean {
  const { length } = name;
  for (let i = 0; i < fields.length; i += 2) {
    const found = fields[i]!;
    if (found.length === length && (found === name || found.toLowerCase() === name)) return true;
  }
  return false;
}
