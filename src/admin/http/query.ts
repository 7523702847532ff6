/** Values in a query string, checked as strictly as a body: a misread `dryRun` would change the routing. */
import { quoted } from '../../../eventlog/index.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';

export function flag(call: Call, key: string): boolean {
  const text = call.query.get(key);
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new Refused('invalid_query', `${key}: expected true or false, found ${quoted(text)}`);
}

export function count(
  call: Call,
  key: string,
  bounds: { readonly min: number; readonly max: number },
): number | undefined {
  const text = call.query.get(key);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  const expected = `a whole number from ${bounds.min} to ${bounds.max}`;
  throw new Refused('invalid_query', `${key}: expected ${expected}, found ${quoted(text)}`);
}
