/** Which pool the state of a domain names: what `domainsOf` finds domains by. */
import type { Json } from './event-log.ts';

/** Undefined for a pool's own stream and for a state without one. */
export function poolNamedBy(stream: string, state: Json): string | undefined {
  if (!stream.startsWith('domain-')) return undefined;
  const pool = member(member(state, 'settings'), 'pool');
  return typeof pool === 'string' ? pool : undefined;
}

function member(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return (value as { readonly [key: string]: Json })[key];
}
