/** Routing state entry by entry, and the one JSON value that the entries form: the shape that `apply` takes. */

export type StateEntry =
  | { readonly position: number }
  | { readonly pool: string; readonly settings: object }
  | { readonly domain: string; readonly settings: object }
  /** Runtime state that is not a setting; or a stream whose state cannot be determined. */
  | { readonly note: object };

/** `entries`: the position, pools, domains, notes. One line each; the names come from the log, so each occurs once. */
export async function* stateJson(entries: AsyncIterable<StateEntry>): AsyncGenerator<string> {
  const parts = ['pools', 'domains', 'notes'] as const;
  let open = -1;
  let isFirst = true;
  const upTo = function* (part: number): Generator<string> {
    for (; open < part; isFirst = true) {
      if (open >= 0) yield '},';
      open += 1;
      yield `"${parts[open]}":${parts[open] === 'notes' ? '[' : '{'}`;
    }
  };
  for await (const entry of entries) {
    if ('position' in entry) {
      yield `{"position":${entry.position},`;
      continue;
    }
    yield* upTo('pool' in entry ? 0 : 'domain' in entry ? 1 : 2);
    yield `${isFirst ? '' : ','}\n${entryJson(entry)}`;
    isFirst = false;
  }
  yield* upTo(2);
  yield ']}';
}

function entryJson(entry: Exclude<StateEntry, { readonly position: number }>): string {
  if ('note' in entry) return JSON.stringify(entry.note);
  const name = 'pool' in entry ? entry.pool : entry.domain;
  return `${JSON.stringify(name)}:${JSON.stringify(entry.settings)}`;
}
