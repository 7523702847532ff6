/**
 * Lots: every pair of a candidate (a backend, a pool) and a key has a lot of its own, and the best lot wins. If a candidate
 * goes, only its keys move; if one comes or gets more weight, keys move only to it.
 */

const RANGE = 2 ** 32;
// Powers of two, so that scaling by them is exact.
const HALVES: readonly number[] = Array.from({ length: 33 }, (_, i) => 2 ** i);

/**
 * Lots are distributed as −ln(chance)/weight, so that each candidate has the least one in proportion to its weight. A lot
 * depends only on its candidate and the key (`bits`, made by `mix`); equal lots are told apart by candidate.
 */
export function isBetterLot(
  bits: number,
  weight: number,
  candidate: number,
  bestBits: number,
  bestWeight: number,
  best: number,
): boolean {
  // The logarithm below falls strictly as its argument rises, so with equal weights it is not needed.
  if (weight === bestWeight && bits !== bestBits) return bits > bestBits;
  const lot = minusLn(bits) * bestWeight;
  const bestLot = minusLn(bestBits) * weight;
  return lot === bestLot ? candidate > best : lot < bestLot;
}

/** A lot as a number, for people: the least wins. */
export function lotOf(bits: number, weight: number): number {
  return minusLn(bits) / weight;
}

/** Mixes two numbers of 52 bits into 32 bits. */
export function mix(key: number, hash: number): number {
  let a = Math.imul((key >>> 0) ^ 0x85ebca6b, 0x9e3779b1) ^ Math.trunc(key / RANGE);
  a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) ^ (hash >>> 0);
  a = Math.imul(a ^ (a >>> 13), 0x297a2d39) ^ Math.trunc(hash / RANGE);
  a = Math.imul(a ^ (a >>> 16), 0x7feb352d);
  a = Math.imul(a ^ (a >>> 15), 0x846ca68b);
  return (a ^ (a >>> 16)) >>> 0;
}

/**
 * −ln((bits + ½) / 2^32), by the series of its area hyperbolic tangent, since a replay must compute the same bits on every
 * machine. Exact to eight digits: enough for a share.
 */
function minusLn(bits: number): number {
  const zeros = Math.clz32(bits);
  // Between ½ and 1.
  const rest = ((bits + 0.5) * HALVES[zeros]!) / RANGE;
  const z = (1 - rest) / (1 + rest);
  const s = z * z;
  const series = 1 + s * (1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s / 13)))));
  return zeros * Math.LN2 + 2 * z * series;
}
