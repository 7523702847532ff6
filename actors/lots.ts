/**
 * Lots: every pair of a candidate (a backend, a pool) and a key has one of its own, and the best lot wins. When a candidate
 * goes, only its keys move; when one comes, or is given more weight, keys move only to it.
 */

const RANGE = 2 ** 32;
// By halving, so that they are exact.
const HALVES: readonly number[] = Array.from({ length: 33 }, (_, i) => 2 ** i);

/**
 * Lots are spread as −ln(chance)/weight, so that the least of them is each one's in proportion to weight. A lot depends on
 * its candidate and the key alone (`bits`, as `mix` gives them), and equals are told apart by candidate.
 */
export function isBetterLot(
  bits: number,
  weight: number,
  candidate: number,
  bestBits: number,
  bestWeight: number,
  best: number,
): boolean {
  // The logarithm below falls strictly as its argument rises, so where weights are the same it need not be taken.
  if (weight === bestWeight && bits !== bestBits) return bits > bestBits;
  const lot = minusLn(bits) * bestWeight;
  const bestLot = minusLn(bestBits) * weight;
  return lot === bestLot ? candidate > best : lot < bestLot;
}

/** A lot as a number, for people: the least wins. */
export function lotOf(bits: number, weight: number): number {
  return minusLn(bits) / weight;
}

/** 32 bits of two numbers of 52. */
export function mix(key: number, hash: number): number {
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
