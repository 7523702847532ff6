/**
 * A finished request as it lies in a ring: words at fixed places, because the thread that writes it has requests to serve
 * and cold caches. The journal's writer packs it. Doubles are at even words; texts follow the attempts, one after the
 * other.
 */
export const RAW = {
  frame: 0,
  /** Worker and salt, as on disk. */
  where: 1,
  startedAtMs: 2,
  sequence: 4,
  /** Sequence, high 16 bits · flags (8) · method (8): as on disk. */
  more: 5,
  peerHash: 6,
  /** Status (16) · outcome (8) · phase (8). */
  end: 7,
  endedAtMs: 8,
  position: 10,
  bytesIn: 12,
  bytesOut: 14,
  poolKey: 16,
  waitedMs: 18,
  connectStartedMs: 20,
  connectedAtMs: 22,
  firstByteAtMs: 24,
  /** Host (16) · path (16). */
  lengths: 26,
  /** Domain (16), or DOMAIN_IS_HOST · the peer's id (16). */
  moreLengths: 27,
  /** Name of the method (16) · attempts (16). */
  counts: 28,
  /** 1: the words of RAW_ROUTING follow the attempts. */
  routing: 29,
  attempts: 30,
} as const;

export const RAW_ATTEMPT = { backendKey: 0, ticket: 2, startedAtMs: 4, end: 6, words: 8 } as const;

/** What was decided before a pool was asked; only present if that is more than the domain tells. */
export const RAW_ROUTING = { route: 0, held: 1, affinity: 2, draw: 4, digest: 6, words: 8 } as const;

export const DOMAIN_IS_HOST = 0xffff;
