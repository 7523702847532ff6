/** Tables of the report, and the numbers in them. */

export type Row = readonly (string | number)[];

export function table(head: readonly string[], rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

export /** Thousands are parted by a narrow space, as in the published tables. */
function ms(value: number): string {
  const text = value < 20 ? value.toFixed(1) : value.toFixed(0);
  return text.replace(/\B(?=(\d{3})+$)/g, ' ');
}
