/** The router as a process of its own, and the backends of all tenants in this one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '../../../test/support/admin-client.ts';
import { type RouterProcess, startRouter } from '../../../test/support/router-process.ts';
import { Backend } from './backend.ts';
import type { Book, Moments } from './book.ts';
import { LISTENERS } from './listeners.ts';
import { BACKENDS_EACH, DRAIN_MS, hostOf, isHasty, poolsOf, SETTINGS, TENANTS } from './tenants.ts';

export type Scene = AsyncDisposable & {
  readonly directory: string;
  readonly router: RouterProcess;
  readonly admin: AdminClient;
  readonly backends: readonly Backend[];
  readonly workers: number;
  readonly beganAtMs: number;
};

export async function setScene(workers: number, book: Book, moments: Moments): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'soak-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const backends = await Promise.all(
    TENANTS.flatMap((tenant) =>
      poolsOf(tenant).flatMap((pool) =>
        Array.from({ length: BACKENDS_EACH }, async (_, index) => {
          const limit = SETTINGS[tenant].maxConcurrency ?? Number.POSITIVE_INFINITY;
          const backend = new Backend(`${pool}.${index + 1}`, pool, tenant, limit, book, moments);
          // No system takes as little for a reader that is late as over a Unix socket. Resets there are none.
          await backend.rise(index === 1 && !isHasty(tenant) ? join(directory, `${backend.name}.sock`) : 0);
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
      config: configOf(backends),
    }),
  );
  const admin = stack.use(new AdminClient(router.admin, { author: 'soak' }));
  const owned = stack.move();
  const beganAtMs = performance.now();
  return {
    directory,
    router,
    admin,
    backends,
    workers,
    beganAtMs,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Of one pool. */
export function backendsOf({ backends }: Scene, pool: string): Backend[] {
  return backends.filter((backend) => backend.pool === pool);
}

export function configOf(backends: readonly Backend[]): object {
  const pools = TENANTS.flatMap((tenant) =>
    poolsOf(tenant).map((pool) => {
      const own = backends.filter((backend) => backend.pool === pool);
      const addresses = own.map(({ name, address }) => [name, { address }]);
      return [pool, { ...SETTINGS[tenant], backends: Object.fromEntries(addresses) }];
    }),
  );
  const domains = TENANTS.map((tenant) => [hostOf(tenant), { pool: poolsOf(tenant)[0] }]);
  return {
    listeners: LISTENERS,
    accessLog: 'json',
    drainMs: DRAIN_MS,
    pools: Object.fromEntries(pools),
    domains: Object.fromEntries(domains),
  };
}
