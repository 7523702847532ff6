/** The seal of a base: a hash over the chain that it stands for and every state in it. */
import { createHash } from 'node:crypto';
import type { StoredCurrent } from './log-reader.ts';

/** `states` in order of stream name; `hash` is that of the last archived event. Hexadecimal. */
export function baseDigest(hash: string, states: Iterable<StoredCurrent>): string {
  const digest = createHash('sha256').update(hash);
  for (const { stream, version, state } of states) digest.update(`\n${stream}\n${version}\n${state}`);
  return digest.digest('hex');
}
