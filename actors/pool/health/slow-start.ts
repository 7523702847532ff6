/** How much of its weight a backend has that came up, or came back, a short while ago. */

// 1/16, exact in binary: it is given a little at once, or nothing could ever be known of it.
const LEAST = 1 / 16;

/** From 1/16 to 1, in proportion to the time since then. A clock that was set back counts as no time. */
export function shareOf(openedAtMs: number, nowMs: number, slowStartMs: number): number {
  const share = (nowMs - openedAtMs) / slowStartMs;
  if (share >= 1) return 1;
  return Math.max(share, LEAST);
}
