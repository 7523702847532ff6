/** HAProxy as a reverse proxy: one thread, backend connections shared between clients. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOf } from '../machine.ts';
import { freePort, startProgram, waitForPort } from '../process.ts';
import type { Peer } from './peer.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  title: 'HAProxy',
  version: () => versionOf('haproxy', ['-v']),
  whenMissing: 'apt-get install haproxy',
  async start(place) {
    const port = await freePort();
    const home = join(place.directory, 'haproxy');
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'haproxy.cfg'), configuration(port, place.backendPort));
    const program = startProgram(place.core, 'haproxy', ['-db', '-f', join(home, 'haproxy.cfg')]);
    await waitForPort(port, 'haproxy');
    return { pid: program.pid, port, stop: program.stop };
  },
};

function configuration(port: number, backendPort: number): string {
  return `global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  http-reuse always
frontend bench
  bind 127.0.0.1:${port}
  default_backend bench
backend bench
  server one 127.0.0.1:${backendPort}
`;
}
