/**
 * The package `http-proxy` as most people run it, with an agent that keeps connections to the backend. Run as a
 * program (`node http-proxy.ts BACKEND_PORT`) it prints the port it was given.
 */
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import { createRequire } from 'node:module';
import httpProxy from 'http-proxy';
import { startNodeProgram } from './node-program.ts';
import type { Peer } from './peer.ts';

export const nodeHttpProxy: Peer = {
  name: 'http-proxy',
  title: 'http-proxy',
  version: () => {
    const { version } = createRequire(import.meta.url)('http-proxy/package.json') as { version: string };
    return version;
  },
  whenMissing: 'npm ci',
  async start(place) {
    const program = await startNodeProgram(place.core, import.meta.filename, [String(place.backendPort)]);
    return { pid: program.pid, port: program.port, stop: program.stop };
  },
};

async function serve(backendPort: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 128, maxFreeSockets: 128 });
  const proxy = httpProxy.createProxyServer({ target: { host: '127.0.0.1', port: backendPort }, agent });
  proxy.on('error', (_error, _request, response) => response.end());
  const server = createServer({ keepAliveTimeout: 3_600_000 }, (request, response) =>
    proxy.web(request, response),
  );
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
}

if (import.meta.main) await serve(Number(process.argv[2]));
