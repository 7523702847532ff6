/**
 * A backend to try the router with: it answers with its name and the request.
 * `node examples/backend.ts [NAME] [PORT]` runs one by itself.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

export type ExampleBackend = AsyncDisposable & {
  readonly name: string;
  /** host:port, as a pool wants it. */
  readonly address: string;
};

export async function startExampleBackend(name: string, port = 0): Promise<ExampleBackend> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('X-Backend', name);
    response.end(`${name} answers ${request.method} ${request.url} for ${request.headers.host}\n`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error(`expected a port, found ${bound}`);
  return { name, address: `127.0.0.1:${bound.port}`, [Symbol.asyncDispose]: () => close(server) };
}

async function close(server: ReturnType<typeof createServer>): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

if (import.meta.main) {
  const [name = 'backend', port = '0'] = process.argv.slice(2);
  const backend = await startExampleBackend(name, Number(port));
  process.stdout.write(`${backend.name} listens on ${backend.address}\n`);
}
