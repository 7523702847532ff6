/** The number by which requests are kept together, for policies that send the same key to the same backend. */
import type { PoolSettings } from '../../../eventlog/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import type { KeyedDigest } from '../keyed-digest.ts';
import { type Client, partOf } from '../route/request-part.ts';

const NO_KEY = 0;

/** 0: the pool does not ask for one, or the request has none. */
export function hashKeyOf(
  settings: PoolSettings,
  head: RequestHead,
  client: Client,
  digest: KeyedDigest,
): number {
  if (settings.policy !== 'consistent-hash') return NO_KEY;
  const value = partOf(settings.hashOn, head, client);
  return value === '' ? NO_KEY : digest.of('hash', value);
}
