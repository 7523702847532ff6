/** The share of its weight that a backend gets for a while after it came up or came back. */

// 1/16, exact in binary: it gets a little at once, or nothing would ever be known of it.
const LEAST = 1 / 16;

/** From 1/16 to 1, in proportion to the time since. A clock that was set back counts as no time. */
export function shareOf(openedAtMs: number, nowMs: number, slowStartMs: number): number {
  const share = (nowMs - openedAtMs) / slowStartMs;
  if (share >= 1) return 1;
  return Math.max(share, LEAST);
}
