/**
 * The same key goes to the same backend, as long as that is there and not much busier than the others (consistent hashing
 * with bounded loads). Every pair of backend and key has a lot of its own, and the best lot wins: if a backend goes, only
 * its keys move, and if one comes, keys move only to it. A key whose backend is full goes to the backend with its second
 * best lot.
 */
import { isBetterLot, mix } from '../../lots.ts';
import { leastRequest } from './least-request.ts';
import { type Field, NONE, type Row } from './policy.ts';

// No backend takes more than 5/4 of its share: a lower bound would move more keys away from home, a higher one would
// balance less.
const BOUND_OVER = 5;
const BOUND_UNDER = 4;

// The open rows of the current pick: kept here so that a pick makes no garbage.
let open = new Int32Array(256);

export function consistentHash(field: Field): Row {
  const hash = field.hash;
  // A request without a key belongs nowhere.
  if (hash === 0) return leastRequest(field);
  const { rows } = field;
  if (rows > open.length) open = new Int32Array(2 * rows);
  let count = 0;
  let weights = 0;
  let inFlight = 1;
  for (let row = 0; row < rows; row++) {
    if (!field.isOpen(row)) continue;
    open[count] = row;
    count += 1;
    weights += field.weight(row);
    inFlight += field.inFlight(row);
  }
  let best = NONE;
  let bestBits = 0;
  for (let i = 0; i < count; i++) {
    const row = open[i]!;
    const weight = field.weight(row);
    // Strictly below the bound: some row always is, since the bounds add up to more than what is in flight.
    if (field.inFlight(row) * weights * BOUND_UNDER >= inFlight * weight * BOUND_OVER) continue;
    const bits = mix(field.key(row), hash);
    if (best !== NONE && !isBetter(field, row, bits, best, bestBits)) continue;
    best = row;
    bestBits = bits;
  }
  return best;
}

function isBetter(field: Field, row: Row, bits: number, best: Row, bestBits: number): boolean {
  const weight = field.weight(row);
  const bestWeight = field.weight(best);
  // The usual case, without reading the keys.
  if (weight === bestWeight && bits !== bestBits) return bits > bestBits;
  return isBetterLot(bits, weight, field.key(row), bestBits, bestWeight, field.key(best));
}
