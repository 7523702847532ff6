/** Whether a status is among those that an operator listed, such as 503 or "500-599". */

import { statusRange } from '../../eventlog/index.ts';

export type Statuses = readonly (number | string)[];

// Keyed by the list itself, which lives as long as its pool's settings.
const known = new WeakMap<Statuses, Uint8Array<ArrayBuffer>>();
// The last list asked about, which is mostly the next one too; a map lookup takes 100 ns.
let lastStatuses: Statuses = [];
let lastTable = new Uint8Array(0);
const HIGHEST = 999;

export function isListed(statuses: Statuses, status: number): boolean {
  if (statuses.length === 0 || status > HIGHEST) return false;
  if (statuses !== lastStatuses) {
    lastTable = known.get(statuses) ?? tableOf(statuses);
    lastStatuses = statuses;
  }
  return lastTable[status] === 1;
}

function tableOf(statuses: Statuses): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(HIGHEST + 1);
  for (const text of statuses) {
    const { from, to } = statusRange(text);
    table.fill(1, from, to + 1);
  }
  known.set(statuses, table);
  return table;
}
