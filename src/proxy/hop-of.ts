/** What the forwarding fields say of a client's hop: who it is, where it came in, whether its own word counts. */
import type { Hop } from '../wire/index.ts';
import type { Listener } from './listener.ts';

export function hopOf(
  address: string,
  port: number,
  isSecure: boolean,
  listener: Listener,
  pseudonym: string,
): Hop {
  return { address, port, isSecure, isTrusted: listener.trusted.includes(address), pseudonym };
}
