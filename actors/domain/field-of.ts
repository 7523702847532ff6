/** A header of a request as a flat list holds it: name, value, name, value, in the case in which they came. */

/** RFC 9110 §5.3: the lines of a name make one list; of cookies (RFC 6265 §5.4), one line. `name`: in lower case; '': none. */
export function fieldOf(fields: readonly string[], name: string): string {
  const { length } = name;
  let value = '';
  let isFirst = true;
  for (let i = 0; i < fields.length; i += 2) {
    const found = fields[i]!;
    // Lengths first: nearly every other name is told apart by it, without making a string.
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
