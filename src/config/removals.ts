/** How much one apply may remove or change without explicit permission. */
import type { Change } from './difference.ts';
import type { Routing } from './routing.ts';

/** The most changes in one atomic apply; more are for `import`, which works in chunks. */
export const MAX_CHANGES = 10_000;

/** More names than there can be: an allowance, not a size. */
export const MAX_ALLOWANCE = 10_000_000;

// 10: small set-ups are edited by hand and seen whole. A tenth: no routine deployment removes that much at once, but a
// truncated file or a wrong path does.
const ALWAYS_ALLOWED = 10;
const ALLOWED_SHARE = 10;

const KINDS = ['domains', 'backends'] as const;

/** How many of each kind. */
export type Removable = { readonly [Kind in (typeof KINDS)[number]]: number };

export type ExcessiveRemoval = {
  readonly kind: (typeof KINDS)[number];
  readonly removed: number;
  readonly present: number;
  /** How many may be removed without permission. */
  readonly allowed: number;
};

/** The kinds of which more would be removed than is allowed without permission; `allowRemovals` raises both limits. */
export function excessiveRemovals(
  removed: Removable,
  present: Removable,
  allowRemovals = 0,
): ExcessiveRemoval[] {
  return KINDS.map((kind) => ({
    kind,
    removed: removed[kind],
    present: present[kind],
    allowed: allowedUnasked(present[kind]),
  })).filter((count) => count.removed > Math.max(count.allowed, allowRemovals));
}

export function countsOf({ domains, pools }: Routing): Removable {
  const backends = [...pools.values()].reduce((sum, pool) => sum + pool.backends.size, 0);
  return { domains: domains.size, backends };
}

export function removedBy(changes: readonly Change[]): Removable {
  const counts = { domain: 0, pool: 0, backend: 0 };
  for (const change of changes) if (change.change === 'remove') counts[change.kind] += 1;
  return { domains: counts.domain, backends: counts.backend };
}

/** For the text of the rejection. */
export function describeExcess(excess: readonly ExcessiveRemoval[]): string {
  const parts = excess.map(
    ({ kind, removed, present, allowed }) =>
      `expected at most ${allowed} of ${present} ${kind} to be removed, found ${removed}`,
  );
  const needed = Math.max(...excess.map((one) => one.removed));
  return `${parts.join('; ')}; --allow-removals ${needed} allows it`;
}

function allowedUnasked(present: number): number {
  return Math.max(ALWAYS_ALLOWED, Math.floor(present / ALLOWED_SHARE));
}
