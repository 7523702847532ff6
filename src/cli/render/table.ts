/** Rows as people read them: columns aligned, a head in capitals, nothing cut. */

export type Cell = string | number | boolean | null | undefined;

/** Without a header: for rows that continue earlier ones. */
export function renderTable(
  header: readonly string[] | undefined,
  rows: readonly (readonly Cell[])[],
): string[] {
  const head = header === undefined ? [] : [header.map((word) => word.toUpperCase())];
  const all = [...head, ...rows.map((row) => row.map(cellText))];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cellText(cell: Cell): string {
  return cell === null || cell === undefined || cell === '' ? '-' : clean(String(cell));
}

// Control characters, line separators, and what changes the direction of all text after it.
const OBEYED = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text from the network, or from somebody else's data directory, must not control the terminal. */
export function clean(text: string): string {
  return text.replace(OBEYED, '\ufffd');
}
