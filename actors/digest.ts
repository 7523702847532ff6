/** What a wish is told by, when it is asked again under the same id. */
import { createHash } from 'node:crypto';
import type { Json } from '../eventlog/index.ts';

export function digestOf(value: Json): string {
  return createHash('sha256').update(canonical(value)).digest('base64url');
}

/** The same wish gives the same text, in whatever order its keys were written. */
function canonical(value: Json): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
