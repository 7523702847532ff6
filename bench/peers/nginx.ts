/** nginx as a reverse proxy: once as lean as it goes (the yardstick), once adding the header fields that we add. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOf } from '../machine.ts';
import { freePort, nginxTemporaryPaths, startProgram, waitForPort } from '../process.ts';
import type { Peer, Place } from './peer.ts';

// The fields switchyard writes for every request of an untrusted client.
const FORWARDED = `
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Request-Start $msec; proxy_set_header Via "1.1 bench";
      add_header Via "1.1 bench";`;

export const nginx: Peer = peer('nginx', 'nginx, lean', '');
export const nginxForwarded: Peer = peer('nginx-forwarded', 'nginx, adding our header fields', FORWARDED);

function peer(name: string, title: string, fields: string): Peer {
  return {
    name,
    title,
    version: () => versionOf('nginx', ['-v']),
    whenMissing: 'apt-get install nginx',
    async start(place) {
      const port = await freePort();
      const home = join(place.directory, name);
      await mkdir(home, { recursive: true });
      await writeFile(join(home, 'nginx.conf'), configuration(home, port, place, fields));
      const args = ['-p', home, '-c', join(home, 'nginx.conf'), '-e', 'stderr'];
      const program = startProgram(place.core, 'nginx', args);
      await waitForPort(port, name);
      return { pid: program.pid, port, stop: program.stop };
    },
  };
}

// As its own documentation writes it for WebSocket; elsewhere the connection to the backend is to be kept.
const UPGRADES = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
const NO_UPGRADES = 'proxy_set_header Connection "";';

function configuration(home: string, port: number, place: Place, fields: string): string {
  return `daemon off; worker_processes 1; pid ${home}/nginx.pid; error_log stderr error;
events { worker_connections 16384; }
http {
  ${nginxTemporaryPaths(home)}
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_buffer_size 64k;
  upstream backend { server 127.0.0.1:${place.backendPort}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backend; proxy_http_version 1.1;
      proxy_set_header Host $host; ${place.upgrades ? UPGRADES : NO_UPGRADES}${fields}
    }
  }
}
`;
}
