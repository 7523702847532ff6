/** The router as a process of its own, and the backends of all tenants in this one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '../../../test/support/admin-client.ts';
import { type RouterProcess, startRouter } from '../../../test/support/router-process.ts';
import { Backend } from './backend.ts';
import type { Book, Moments } from './book.ts';
import { BACKENDS_EACH, hostOf, poolsOf, SETTINGS, TENANTS } from './tenants.ts';

export type Scene = AsyncDisposable & {
  readonly directory: string;
  readonly router: RouterProcess;
  readonly admin: AdminClient;
  readonly backends: readonly Backend[];
};

// The first closes on a client's FIN and trusts nobody; the second answers behind a FIN and keeps our ids.
const LISTENER = { address: '127.0.0.1:0', timeouts: { bodyIdleMs: 1000 } };
const LISTENERS = [LISTENER, { ...LISTENER, halfClose: true, trustForwarded: ['127.0.0.1/32'] }];

export async function setScene(workers: number, book: Book, moments: Moments): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'soak-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const backends = await Promise.all(
    TENANTS.flatMap((tenant) =>
      poolsOf(tenant).flatMap((pool) =>
        Array.from({ length: BACKENDS_EACH }, async (_, index) => {
          const backend = new Backend(`${pool}.${index + 1}`, pool, tenant, book, moments);
          backend.limitTo(SETTINGS[tenant].maxConcurrency ?? Number.POSITIVE_INFINITY);
          await backend.rise();
          stack.defer(() => backend.fall());
          return backend;
        }),
      ),
    ),
  );
  const router = stack.use(
    await startRouter({
      directory,
      listen: [],
      args: ['--chaos', '--workers', `${workers}`],
      config: { ...configOf(backends), listeners: LISTENERS },
    }),
  );
  const admin = stack.use(new AdminClient(router.admin, { author: 'soak' }));
  const owned = stack.move();
  return { directory, router, admin, backends, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function configOf(backends: readonly Backend[]): object {
  const pools = TENANTS.flatMap((tenant) =>
    poolsOf(tenant).map((pool) => {
      const own = backends.filter((backend) => backend.pool === pool);
      const addresses = own.map(({ name, address }) => [name, { address }]);
      return [pool, { ...SETTINGS[tenant], backends: Object.fromEntries(addresses) }];
    }),
  );
  const domains = TENANTS.map((tenant) => [hostOf(tenant), { pool: poolsOf(tenant)[0] }]);
  return {
    accessLog: 'json',
    drainMs: 5000,
    pools: Object.fromEntries(pools),
    domains: Object.fromEntries(domains),
  };
}
