/** A pool's random numbers: a sequence of 32-bit states (splitmix), exact on every machine, so that a draw can be repeated. */

const STEP = 0x6d2b79f5;
const RANGE = 2 ** 32;

/** The state that follows; any number may be the first. */
export function nextChance(state: number): number {
  return (state + STEP) | 0;
}

/** The draw that a state stands for: a whole number from 0 to bound − 1. Exact for bounds up to 2^21. */
export function drawOf(state: number, bound: number): number {
  return Math.floor((bitsOf(state) * bound) / RANGE);
}

/** Like `drawOf`, for any bound: gives any number below it, not only whole ones. */
export function drawIn(state: number, bound: number): number {
  return (bitsOf(state) / RANGE) * bound;
}

function bitsOf(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
