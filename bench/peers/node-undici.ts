/**
 * The proxy one writes in an afternoon: `node:http` in front, undici behind, header fields and body passed on.
 * Run as a program (`node node-undici.ts BACKEND_PORT`) it prints the port it was given.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { startNodeProgram } from './node-program.ts';
import type { Peer } from './peer.ts';

export const nodeUndici: Peer = {
  name: 'node-undici',
  title: 'node:http + undici',
  version: () => process.versions.node,
  whenMissing: 'it is ours and always here',
  async start(place) {
    const program = await startNodeProgram(place.core, import.meta.filename, [String(place.backendPort)]);
    return { pid: program.pid, port: program.port, stop: program.stop };
  },
};

// RFC 9110 §7.6.1: of this hop only.
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
]);

async function serve(backendPort: number): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${backendPort}`, { connections: 128, pipelining: 1 });
  const server = createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => {
    forward(pool, request, response).catch((cause: unknown) => response.destroy(cause as Error));
  });
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
}

async function forward(pool: Pool, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const bodyless = request.method === 'GET' || request.method === 'HEAD';
  const answer = await pool.request({
    method: (request.method ?? 'GET') as 'GET',
    path: request.url ?? '/',
    headers: withoutHopByHop(request.headers),
    body: bodyless ? null : request,
  });
  response.writeHead(answer.statusCode, withoutHopByHop(answer.headers));
  answer.body.on('error', (cause) => response.destroy(cause)).pipe(response);
  // `pipe` alone keeps the pool's connection for ever where the client went away in the middle; `pipeline` doubles a request's cost.
  response.on('close', () => {
    if (!response.writableFinished) answer.body.destroy();
  });
}

function withoutHopByHop<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  const kept: Record<string, T> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !HOP_BY_HOP.has(name)) kept[name] = value;
  }
  return kept;
}

if (import.meta.main) await serve(Number(process.argv[2]));
