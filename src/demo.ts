/** Something to route at once: three small backends on loopback in two pools, and two domains. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeTemporaryDirectory } from '../eventlog/index.ts';
import type { Overrides } from './config/index.ts';

export type Demo = {
  readonly config: object;
  readonly overrides: Overrides;
  /** Printed once it runs, for a newcomer. */
  readonly welcome: (listeners: readonly string[], admin: string) => readonly string[];
  readonly stop: () => Promise<void>;
};

const BACKENDS = ['web.1', 'web.2', 'api.1'] as const;

/** Its log is in a temporary directory that is removed with it, so a demo always starts the same. */
export async function startDemo(): Promise<Demo> {
  const servers = await Promise.all(BACKENDS.map(startBackend));
  const addresses = new Map(BACKENDS.map((id, index) => [id, addressOf(servers[index]!)]));
  const directory = makeTemporaryDirectory();
  return {
    config: {
      pools: {
        web: { backends: backends(addresses, ['web.1', 'web.2']) },
        api: { backends: backends(addresses, ['api.1']) },
      },
      domains: { 'shop.example': { pool: 'web' }, 'api.example': { pool: 'api' } },
    },
    overrides: { listen: ['127.0.0.1:8080'], admin: '127.0.0.1:8081', data: join(directory.path, 'data') },
    welcome: (listeners, admin) => [
      '',
      'switchyard routes two domains to three small backends. Try:',
      '',
      `  curl -H 'Host: shop.example' http://${listeners[0]}/`,
      `  curl -H 'Host: api.example' http://${listeners[0]}/`,
      `  switchyard explain --host shop.example --admin ${admin}`,
      `  switchyard backend list web --admin ${admin}`,
      '',
      'In a checkout the command is ./bin/switchyard; "switchyard help" lists what else there is.',
      'End it with Ctrl-C.',
    ],
    stop: async () => {
      await Promise.all(servers.map(stopBackend));
      directory.remove();
    },
  };
}

function backends(addresses: ReadonlyMap<string, string>, ids: readonly string[]): object {
  return Object.fromEntries(ids.map((id) => [id, { address: addresses.get(id) }]));
}

async function startBackend(id: string): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`hello from ${id}: ${request.method} ${request.url} for ${request.headers.host}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stopBackend(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
