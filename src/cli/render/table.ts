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

/** Text from the network must not control the terminal. */
export function clean(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '\ufffd');
}
