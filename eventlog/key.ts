/** The number by which shared memory knows a pool or a backend: 52 bits of a hash of its name, never 0. */

// 52 bits: a safe integer with room to spare. 100 000 names clash with a probability of about one in a million. Somebody
// who looks for a clash finds one in seconds: if two pools have one key, the second is refused when it is made.
const HIGH = 2 ** 32;
const HIGH_BITS = 0xfffff;

/** The same name gives the same key in every thread, process and version. */
export function keyOf(name: string): number {
  return seededKeyOf(name, 0xdeadbeef, 0x41c6ce57);
}

/** With seeds that nobody knows, nobody can construct two names with one key. For keys that last no longer than the seeds. */
export function seededKeyOf(name: string, seed: number, otherSeed: number): number {
  let low = seed;
  let high = otherSeed;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
  }
  // Each half is mixed with the other, so that names of one or two characters fill all the bits too.
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  const key = (high & HIGH_BITS) * HIGH + (low >>> 0);
  return key === 0 ? 1 : key;
}
