/**
 * Ours, as a user runs it: the real command, one worker, the whole log on, the access log off as for all. And in other
 * sizes: without its journal, with more workers, with more domains, and as it is in another checkout.
 */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMAND, type RouterProcess, startRouter } from '../../test/support/router-process.ts';
import { type Asks, FEATURES, PLAIN, QUEUEING, USUAL } from '../asks.ts';
import { configOf, hostsOf, importDomains, mayHave } from '../domains.ts';
import { BENCH_HOST } from '../load.ts';
import { coreFor, versionOf } from '../machine.ts';
import type { Peer } from './peer.ts';

type Size = {
  readonly journal?: boolean;
  readonly workers?: number;
  readonly domains?: number;
  /** Of the domains; 10. */
  readonly asked?: number;
  readonly asks?: Asks;
  readonly command?: string;
  readonly onlyNamed?: boolean;
};

export const SWITCHYARDS: readonly Peer[] = [
  ours('switchyard', {}),
  ours('switchyard-unjournalled', { journal: false, onlyNamed: true }),
  ours('switchyard-1-worker', { workers: 1, onlyNamed: true }),
  ours('switchyard-2-workers', { workers: 2, onlyNamed: true }),
  ours('switchyard-10-domains', { domains: 10, onlyNamed: true }),
  ours('switchyard-10k-domains', { domains: 10_000, onlyNamed: true }),
  ours('switchyard-1m-domains', { domains: 1_000_000, onlyNamed: true }),
  ours('switchyard-10k-spread', { domains: 10_000, asked: 1000, onlyNamed: true }),
  ours('switchyard-1m-spread', { domains: 1_000_000, asked: 1000, onlyNamed: true }),
  ours('switchyard-plain', { asks: PLAIN, onlyNamed: true }),
  ours('switchyard-features', { asks: FEATURES, onlyNamed: true }),
  ours('switchyard-queueing', { asks: QUEUEING, onlyNamed: true }),
];

/** Another checkout of ours, so that a change is measured beside what was before it. */
export const switchyardBefore = (checkout: string): Peer =>
  ours('switchyard-before', { command: join(checkout, 'bin/switchyard') });

function ours(name: string, size: Size): Peer {
  const {
    journal = true,
    workers,
    domains = 0,
    asked = 10,
    asks = USUAL,
    command = COMMAND,
    onlyNamed = false,
  } = size;
  return {
    name,
    title: name,
    onlyNamed,
    version: () => (!mayHave(domains) ? undefined : versionAt(command)),
    whenMissing: 'expected a checkout with node_modules, and `switchyard import` for a million domains',
    async start(place) {
      const routing = configOf(domains, place.backendPort);
      const directory = await mkdtemp(join(place.directory, 'switchyard-'));
      const router = await startRouter({
        directory,
        command,
        // Who has a number of workers in its name is compared with its like, on all the cores there are.
        core: workers === undefined ? place.core : coreFor('all'),
        args: ['--workers', `${workers ?? 1}`],
        config: {
          accessLog: false,
          journal: { enabled: journal },
          pools: {
            ...routing.pools,
            bench: { ...asks.pool, backends: { 'bench.1': { address: `127.0.0.1:${place.backendPort}` } } },
          },
          domains: { ...routing.domains, [BENCH_HOST]: { pool: 'bench', ...asks.domain } },
        },
      });
      await importDomains(directory, router.admin, domains, place.backendPort);
      const hosts = domains === 0 ? {} : { hosts: hostsOf(domains, asked) };
      return { pid: router.pid, port: router.port, admin: router.admin, ...hosts, stop: () => stop(router) };
    },
  };
}

async function stop(router: RouterProcess): Promise<void> {
  await router.stop();
}

function versionAt(command: string): string | undefined {
  return versionOf('node', ['-p', `require('${join(command, '../../package.json')}').version`]);
}
