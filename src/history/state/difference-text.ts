/** A difference entry by entry, and the one JSON value that the entries form. */

export type DifferenceEntry =
  /** Positions: the first entry. */
  | { readonly from: number; readonly to: number }
  /** A change in the form that `apply` reports. */
  | object;

/** One change per line. */
export async function* differenceJson(entries: AsyncIterable<DifferenceEntry>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const entry of entries) {
    if ('from' in entry) yield `{"from":${entry.from},"to":${entry.to},"changes":[`;
    else {
      yield `${isFirst ? '' : ','}\n${JSON.stringify(entry)}`;
      isFirst = false;
    }
  }
  yield ']}';
}
