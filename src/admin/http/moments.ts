/** Moments and scopes in a query or a small body: a position or a time, all owners or one. */
import { type Moment, parseMoment, parseScope, type Scope } from '../../history/index.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';

export function momentOf(call: Call, key: string): Moment | undefined {
  return momentFrom(call.query.get(key), key);
}

export function momentFrom(said: string | number | undefined, key: string): Moment | undefined {
  if (said === undefined) return undefined;
  const parsed = parseMoment(String(said));
  if (parsed.ok) return parsed.value;
  throw new Refused('invalid_query', `${key}: ${parsed.problem}`);
}

export const SCOPE_KEYS = ['domain', 'pool'] as const;

export function scopeOf(call: Call): Scope {
  return scopeFrom(call.query.get('domain'), call.query.get('pool'));
}

export function scopeFrom(domain: string | undefined, pool: string | undefined): Scope {
  const parsed = parseScope(domain, pool);
  if (parsed.ok) return parsed.value;
  throw new Refused('invalid_query', parsed.problem);
}
