/**
 * The real router inside an ordinary program: the program has its own HTTP API, which adds and removes domains while
 * requests are routed. With a directory as second argument the log outlives the program.
 * `node examples/embedded-router.ts [PORT] [DIRECTORY]`, then
 * `curl -X PUT http://127.0.0.1:PORT_OF_API/shop.example` and `curl -H 'Host: shop.example' http://127.0.0.1:8080/`
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
// In a program of its own: from 'switchyard'.
import { CommandRefused, createSwitchyard } from '../src/index.ts';
import { startExampleBackend } from './backend.ts';

const [port = '8080', data] = process.argv.slice(2);
const backend = await startExampleBackend('web.1');

const router = createSwitchyard({
  listeners: [{ address: `127.0.0.1:${port}` }],
  pools: { web: { maxConcurrency: 10, backends: { 'web.1': { address: backend.address } } } },
  ...(data === undefined ? {} : { data, apply: true }),
});
const [address] = await router.listen();
router.onEvents((events) => {
  for (const { position, type, stream } of events) process.stdout.write(`${position} ${type} ${stream}\n`);
});

/** `PUT /HOST` and `DELETE /HOST`: in force for the router's next request once answered. */
async function carryOut({ method, url = '/' }: IncomingMessage): Promise<string> {
  const host = url.slice(1);
  if (method === 'PUT') await router.desk.putDomain(host, { pool: 'web' });
  else if (method === 'DELETE') await router.desk.removeDomain(host);
  return Object.keys((await router.desk.routing()).domains).join('\n');
}

const api = createServer((request, response) => {
  carryOut(request).then(
    (hosts) => response.end(`${hosts}\n`),
    (error: unknown) => {
      response.statusCode = error instanceof CommandRefused ? 409 : 400;
      response.end(`${error instanceof Error ? error.message : String(error)}\n`);
    },
  );
});
api.listen(0, '127.0.0.1');
await once(api, 'listening');

process.stdout.write(`listening on http://${address}\n`);
process.stdout.write(`api on http://127.0.0.1:${(api.address() as AddressInfo).port}\n`);

// Requests may finish, for five seconds at most.
process.once('SIGTERM', async () => {
  await router.drain(5000);
  process.exit(0);
});
