/**
 * Ours, as a user runs it: the real command, one worker, the whole log on, the access log off as for all. And without its
 * journal, to see what that costs.
 */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMAND, startRouter } from '../../test/support/router-process.ts';
import { BENCH_HOST } from '../load.ts';
import { versionOf } from '../machine.ts';
import type { Peer } from './peer.ts';

export const switchyard = ours('switchyard', {});
export const switchyardUnjournalled = ours('switchyard-unjournalled', { journal: false });

/** Another checkout of ours, so that a change is measured beside what was before it. */
export const switchyardBefore = (checkout: string): Peer =>
  ours('switchyard-before', { command: join(checkout, 'bin/switchyard') });

function ours(name: string, { journal = true, command = COMMAND }): Peer {
  return {
    name,
    title: name,
    version: () => versionOf('node', ['-p', `require('${join(command, '../../package.json')}').version`]),
    whenMissing: 'expected a checkout with node_modules',
    async start(place) {
      const directory = await mkdtemp(join(place.directory, 'switchyard-'));
      const router = await startRouter({
        directory,
        command,
        core: place.core,
        args: ['--workers', '1'],
        config: {
          accessLog: false,
          journal: { enabled: journal },
          pools: { bench: { backends: { 'bench.1': { address: `127.0.0.1:${place.backendPort}` } } } },
          domains: { [BENCH_HOST]: { pool: 'bench' } },
        },
      });
      return { pid: router.pid, port: router.port, stop: async () => void (await router.stop()) };
    },
  };
}
