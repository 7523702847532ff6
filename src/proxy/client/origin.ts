/**
 * Where a connection comes from: its peer, or the client that a load balancer names in its PROXY header; and what the
 * forwarding fields say of it.
 */
import { clientLines, flat, type Hop, type ProxyHeader, plainAddress } from '../../wire/index.ts';
import type { Listener } from './listener.ts';

export class Origin {
  readonly #peer: string;
  readonly #listener: Listener;
  readonly #pseudonym: string;
  hop: Hop;
  /** The load balancer's PROXY header. */
  header: ProxyHeader | undefined = undefined;
  /** The address under which the listener counts the connection, once it does. */
  #countedAs: string | undefined;

  constructor(peer: string, listener: Listener, pseudonym: string) {
    this.#peer = peer;
    this.#listener = listener;
    this.#pseudonym = pseudonym;
    this.hop = hopOf(peer, listener.port, false, listener, pseudonym);
    this.#countedAs = listener.settings.proxyProtocol ? undefined : peer;
  }

  /** False: the limit of connections from that address is reached. */
  named(header: ProxyHeader): boolean {
    this.header = header;
    const { sourceAddress, destinationPort, isSecure } = header;
    const address = sourceAddress === '' ? this.#peer : plainAddress(sourceAddress);
    if (!this.#listener.admitsFrom(address)) return false;
    this.#countedAs = address;
    if (sourceAddress !== '') {
      const isTls = isSecure || destinationPort === 443;
      this.hop = hopOf(address, destinationPort, isTls, this.#listener, this.#pseudonym);
    }
    return true;
  }

  /** The connection is closed. */
  left(): void {
    this.#listener.left(this.#countedAs);
  }
}

function hopOf(address: string, port: number, isSecure: boolean, listener: Listener, pseudonym: string): Hop {
  const isTrusted = listener.trusted.includes(address);
  const lines = isTrusted ? '' : flat(clientLines({ isSecure, port }, address));
  return { address, port, isSecure, isTrusted, pseudonym, lines };
}
