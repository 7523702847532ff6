/**
 * The floor of this runtime: what a proxy costs on Node's sockets that does nothing at all. Each client has a backend's
 * connection of its own, and bytes go through as they come, read and written by the means that switchyard has: one
 * read and one write a message on each side. It understands no HTTP.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { ownReads } from '../../src/proxy/client/own-reads.ts';
import { startNodeProgram } from './node-program.ts';
import type { Peer } from './peer.ts';

export const nodePump: Peer = {
  name: 'node-pump',
  title: 'bytes pumped by Node, no HTTP',
  onlyNamed: true,
  version: () => process.versions.node,
  whenMissing: 'it is ours and always here',
  async start(place) {
    const program = await startNodeProgram(place.core, import.meta.filename, [String(place.backendPort)]);
    return { pid: program.pid, port: program.port, stop: program.stop };
  },
};

const READ_BYTES = 65_536;

async function serve(backendPort: number): Promise<void> {
  const scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  const server = createServer({ noDelay: true }, (client) => pump(client, backendPort, scratch));
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
}

function pump(client: Socket, backendPort: number, scratch: Buffer): void {
  const pass = (to: Socket) => (length: number, bytes: Uint8Array) => {
    to.write(Buffer.prototype.toString.call(bytes, 'latin1', 0, length), 'latin1');
    return true;
  };
  const onread = { buffer: scratch, callback: pass(client) };
  const backend = connect({ port: backendPort, host: '127.0.0.1', noDelay: true, onread });
  if (!ownReads(client, scratch, pass(backend)))
    throw new Error('expected the sockets that own-reads.ts knows');
  for (const [one, other] of [
    [client, backend],
    [backend, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

if (import.meta.main) await serve(Number(process.argv[2]));
