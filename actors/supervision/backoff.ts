/** How long a parked child waits before it is tried again. Pure. */

// 100 ms: a hiccup of the disk is over. 5 s: whoever repaired the cause sees it work while still looking.
const FIRST_MS = 100;
export const LONGEST_PARKING_MS = 5000;

/**
 * Doubles with each parking, from the first (1), up to 5 s. Half of it is fixed and half is random, so that many children
 * that failed for one reason do not come back at the same moment.
 */
export function parkingDelayMs(parking: number, random: () => number): number {
  const whole = Math.min(LONGEST_PARKING_MS, FIRST_MS * 2 ** (parking - 1));
  return Math.round(whole / 2 + (whole / 2) * random());
}
