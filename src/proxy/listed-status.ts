/** Whether a status is among those that an operator listed, such as 503 or "500-599". */

export type Statuses = readonly (number | string)[];

// By the list itself, which lives as long as its pool's settings: a request finds its answer ready.
const known = new WeakMap<Statuses, Uint8Array>();
const HIGHEST = 999;

export function isListed(statuses: Statuses, status: number): boolean {
  if (statuses.length === 0 || status > HIGHEST) return false;
  let table = known.get(statuses);
  if (table === undefined) {
    table = tableOf(statuses);
    known.set(statuses, table);
  }
  return table[status] === 1;
}

/** One status, or a range of them. */
export function statusRange(text: number | string): { readonly from: number; readonly to: number } {
  const [from, to] = `${text}`.split('-');
  return { from: Number(from), to: Number(to ?? from) };
}

function tableOf(statuses: Statuses): Uint8Array {
  const table = new Uint8Array(HIGHEST + 1);
  for (const text of statuses) {
    const { from, to } = statusRange(text);
    table.fill(1, from, to + 1);
  }
  return table;
}
