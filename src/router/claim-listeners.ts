/** Addresses to listen on, claimed before anything is started: whose they are already is told at once, and by name. */
import { once } from 'node:events';
import { createServer, type ListenOptions, type Server } from 'node:net';
import type { Held } from '../admin/index.ts';
import { type ListenerSettings, parseHostPort, renderHostPort } from '../config/index.ts';

/**
 * Ports that are free, with 0 resolved. Workers share a port among themselves, and the system would share it with
 * another router of the same user too; so each is first bound alone, which fails where anyone else has it. Not so what a router
 * `held` that is to be taken over: it is shared with just that one, who listens on.
 */
export async function claimListeners(
  listeners: readonly ListenerSettings[],
  claims: Claims,
  held: readonly Held[] = [],
): Promise<ListenerSettings[]> {
  const left = [...held];
  const claimed: ListenerSettings[] = [];
  for (const listener of listeners) {
    const { address } = listener;
    const at = left.findIndex(({ wished, bound }) => address === wished || address === bound);
    const [shared] = at === -1 ? [] : left.splice(at, 1);
    claimed.push({ ...listener, address: shared?.bound ?? (await claims.claim(address)) });
  }
  return claimed;
}

export class AddressUnavailable extends Error {
  override readonly name = 'AddressUnavailable';
}

/**
 * What was found free, until it is listened on: a router that starts in the same second would find it free too. Its mark is a socket
 * with a name, and no file, which the system keeps for as long as this process does, and which is another in every network of its own.
 */
export class Claims {
  readonly #marks: Server[] = [];

  async claim(address: string): Promise<string> {
    const at = parseHostPort(address);
    if (at === undefined) throw new AddressUnavailable(`expected host:port, found ${address}`);
    await this.#mark(renderHostPort(at), address);
    const server = await listening({ host: at.host, port: at.port, exclusive: true }).catch((error) => {
      throw unavailable(address, error);
    });
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return renderHostPort({ host: at.host, port });
  }

  /** All of it is listened on. */
  letGo(): void {
    for (const mark of this.#marks.splice(0)) mark.close();
  }

  async #mark(name: string, address: string): Promise<void> {
    // Linux alone shares ports so, and names sockets so. Port 0 is another port each time.
    if (process.platform !== 'linux' || name.endsWith(':0')) return;
    try {
      const mark = await listening({ path: `\0switchyard ${name.slice(-LONGEST)}` });
      this.#marks.push(mark.unref());
    } catch (error) {
      // Where there may be none, things are as they are elsewhere.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw unavailable(address, error);
    }
  }
}

// Of a name of 107 bytes.
const LONGEST = 90;

/** To no purpose but to hold it: whoever connects is sent away. Rejects with the system's error. */
async function listening(options: ListenOptions): Promise<Server> {
  const server = createServer();
  server.maxConnections = 0;
  server.listen(options);
  await once(server, 'listening');
  return server;
}

/** Undefined: of another reason than that somebody has listened on an address since it was claimed. */
export function takenSince(error: Error): AddressUnavailable | undefined {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code !== 'EADDRINUSE' || address === undefined || port === undefined) return undefined;
  return unavailable(renderHostPort({ host: address, port }), error);
}

function unavailable(address: string, error: unknown): AddressUnavailable {
  return new AddressUnavailable(reasonOf(address, error as NodeJS.ErrnoException));
}

function reasonOf(address: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `expected ${address} to be free, found it in use by another program`;
  if (code === 'EACCES')
    return `expected to be allowed to listen on ${address}, found that this user may not`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `expected ${address} to be an address of this machine, found that it is not`;
  return `cannot listen on ${address}: ${message}`;
}
