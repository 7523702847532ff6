/**
 * A port on which nobody listens, and which the system gives to nobody else meanwhile: it is the local end of a connection. On Linux
 * whoever names it may listen on it all the same.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

export type HeldPort = AsyncDisposable & { readonly port: number; close(): Promise<void> };

export async function holdPort(): Promise<HeldPort> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // With an address of its own it is bound, as one that listens is, and may be bound again.
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1' });
  const [[peer]] = await Promise.all([once(server, 'connection'), once(socket, 'connect')]);
  server.close();
  for (const end of [socket, peer]) end.on('error', () => {}).unref();
  const close = async () => {
    for (const end of [socket, peer]) end.destroy();
  };
  return { port: socket.localPort as number, close, [Symbol.asyncDispose]: close };
}
