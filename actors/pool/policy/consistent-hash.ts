/**
 * The same key to the same backend, as long as that is there and not much busier than the others (consistent hashing with
 * bounded loads). Every pair of backend and key has a lot of its own, and the best lot wins: so when a backend goes, only
 * its keys move, and when one comes, keys move only to it. A key whose backend is full goes to its second best lot.
 */
import { leastRequest } from './least-request.ts';
import { type Field, NONE, type Row } from './policy.ts';

// No backend takes more than 5/4 of its share: less is less even, more moves more keys away from home.
const BOUND_OVER = 5;
const BOUND_UNDER = 4;
const RANGE = 2 ** 32;
// A constant of the language, the same everywhere; a logarithm that is computed need not be.
// By halving, so that they are exact.
const HALVES: readonly number[] = Array.from({ length: 33 }, (_, i) => 2 ** i);

// The open rows of the pick under way: kept here so that a pick makes no garbage.
let open = new Int32Array(256);

export function consistentHash(field: Field): Row {
  const hash = field.hash;
  // A request without the key belongs nowhere.
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
    // Fewer than the bound, exactly: some always have, since the bounds add up to more than what is in flight.
    if (field.inFlight(row) * weights * BOUND_UNDER >= inFlight * weight * BOUND_OVER) continue;
    const bits = mix(field.key(row), hash);
    if (best !== NONE && !isBetter(field, row, bits, best, bestBits)) continue;
    best = row;
    bestBits = bits;
  }
  return best;
}

/**
 * Lots are spread as −ln(chance)/weight, so that the least of them is each one's in proportion to weight. A lot depends on
 * its backend and the key alone, and equals are told apart by backend.
 */
function isBetter(field: Field, row: Row, bits: number, best: Row, bestBits: number): boolean {
  const weight = field.weight(row);
  const bestWeight = field.weight(best);
  // The logarithm below falls strictly as its argument rises, so where weights are the same it need not be taken.
  if (weight === bestWeight && bits !== bestBits) return bits > bestBits;
  const lot = minusLn(bits) * bestWeight;
  const bestLot = minusLn(bestBits) * weight;
  return lot === bestLot ? field.key(row) > field.key(best) : lot < bestLot;
}

/** 32 bits of two numbers of 52. */
function mix(key: number, hash: number): number {
  let a = Math.imul((key >>> 0) ^ 0x85ebca6b, 0x9e3779b1) ^ Math.trunc(key / RANGE);
  a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) ^ (hash >>> 0);
  a = Math.imul(a ^ (a >>> 13), 0x297a2d39) ^ Math.trunc(hash / RANGE);
  a = Math.imul(a ^ (a >>> 16), 0x7feb352d);
  a = Math.imul(a ^ (a >>> 15), 0x846ca68b);
  return (a ^ (a >>> 16)) >>> 0;
}

/**
 * −ln((bits + ½) / 2^32), by the series of its area hyperbolic tangent, since a replay must come to the same bits on every
 * machine. To eight digits: enough for a share.
 */
function minusLn(bits: number): number {
  const zeros = Math.clz32(bits);
  // From ½ to 1.
  const rest = ((bits + 0.5) * HALVES[zeros]!) / RANGE;
  const z = (1 - rest) / (1 + rest);
  const s = z * z;
  const series = 1 + s * (1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s / 13)))));
  return zeros * Math.LN2 + 2 * z * series;
}
