/** What the forwarding fields say of a client's hop: who it is, where it came in, whether its own word counts. */
import { clientLines, flat, type Hop } from '../../wire/index.ts';
import type { Listener } from './listener.ts';

export function hopOf(
  address: string,
  port: number,
  isSecure: boolean,
  listener: Listener,
  pseudonym: string,
): Hop {
  const isTrusted = listener.trusted.includes(address);
  const lines = isTrusted ? '' : flat(clientLines({ isSecure, port }, address));
  return { address, port, isSecure, isTrusted, pseudonym, lines };
}
