/**
 * Ours, as a user runs it: the real command, one worker, the whole log on, the access log off as for all. And without its
 * journal, to see what that costs.
 */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { startRouter } from '../../test/support/router-process.ts';
import { BENCH_HOST } from '../load.ts';
import { versionOf } from '../machine.ts';
import type { Peer } from './peer.ts';

export const switchyard: Peer = withJournal('switchyard', true);
export const switchyardUnjournalled: Peer = withJournal('switchyard-unjournalled', false);

function withJournal(name: string, enabled: boolean): Peer {
  return {
    name,
    title: name,
    version: () =>
      versionOf('node', ['-p', `require('${join(import.meta.dirname, '../../package.json')}').version`]),
    whenMissing: 'it is ours and always here',
    async start(place) {
      const directory = await mkdtemp(join(place.directory, 'switchyard-'));
      const router = await startRouter({
        directory,
        core: place.core,
        args: ['--workers', '1'],
        config: {
          accessLog: false,
          journal: { enabled },
          pools: { bench: { backends: { 'bench.1': { address: `127.0.0.1:${place.backendPort}` } } } },
          domains: { [BENCH_HOST]: { pool: 'bench' } },
        },
      });
      return { pid: router.pid, port: router.port, stop: async () => void (await router.stop()) };
    },
  };
}
