/** Addresses to listen on, claimed before anything is started: whose they are already is told at once, and by name. */
import { createServer } from 'node:net';
import type { Held } from '../admin/index.ts';
import { type ListenerSettings, parseHostPort, renderHostPort } from '../config/index.ts';

/**
 * Ports that are free, with 0 resolved. Workers share a port among themselves, and the system would share it with
 * another router of the same user too; so each is first bound alone, which fails where anyone else has it. Not so what a router
 * `held` that is to be taken over: it is shared with just that one, who listens on.
 */
export async function claimListeners(
  listeners: readonly ListenerSettings[],
  held: readonly Held[] = [],
): Promise<ListenerSettings[]> {
  const left = [...held];
  const claimed: ListenerSettings[] = [];
  for (const listener of listeners) {
    const { address } = listener;
    const at = left.findIndex(({ wished, bound }) => address === wished || address === bound);
    const [shared] = at === -1 ? [] : left.splice(at, 1);
    claimed.push({ ...listener, address: shared?.bound ?? (await claim(address)) });
  }
  return claimed;
}

export class AddressUnavailable extends Error {
  override readonly name = 'AddressUnavailable';
}

export async function claim(address: string): Promise<string> {
  const at = parseHostPort(address);
  if (at === undefined) throw new AddressUnavailable(`expected host:port, found ${address}`);
  const server = createServer();
  const bound = await new Promise<string>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new AddressUnavailable(unavailable(address, error))),
    );
    server.listen({ host: at.host, port: at.port, exclusive: true }, () => {
      const { port } = server.address() as { port: number };
      resolve(renderHostPort({ host: at.host, port }));
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return bound;
}

function unavailable(address: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `expected ${address} to be free, found it in use by another program`;
  if (code === 'EACCES')
    return `expected to be allowed to listen on ${address}, found that this user may not`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `expected ${address} to be an address of this machine, found that it is not`;
  return `cannot listen on ${address}: ${message}`;
}
