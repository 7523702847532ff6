/** The backend of every case: nginx that serves two files and swallows bodies, so that it is never the slow part. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, nginxTemporaryPaths, type Program, startProgram, waitForPort } from './process.ts';

export type Backend = Program & { readonly port: number };

/** `at`: the port it had before. */
export async function startBackend(
  directory: string,
  core: string | undefined,
  at?: number,
): Promise<Backend> {
  const port = at ?? (await freePort());
  const home = join(directory, 'backend');
  await mkdir(join(home, 'files'), { recursive: true });
  for (const size of [128, 65_536]) await writeFile(join(home, 'files', `${size}`), contentOf(size));
  await writeFile(join(home, 'nginx.conf'), configuration(home, port));
  const program = startProgram(core, 'nginx', ['-p', home, '-c', join(home, 'nginx.conf'), '-e', 'stderr']);
  await waitForPort(port, 'the backend');
  return { ...program, port };
}

/** Lines that all differ, so that bytes in the wrong place are noticed. */
export function contentOf(size: number): string {
  let text = '';
  for (let line = 0; text.length < size; line++) text += `${String(line).padStart(14, '0')}\n`;
  return text.slice(0, size);
}

// A POST is answered as the file of 128 bytes once its body is read: nginx refuses POST to a plain file, hence
// the error_page. keepalive_requests is past what a bench sends, so that no connection ends in between.
function configuration(home: string, port: number): string {
  return `daemon off; worker_processes 1; pid ${home}/nginx.pid; error_log stderr error;
events { worker_connections 16384; }
http {
  ${nginxTemporaryPaths(home)}
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=10; open_file_cache_valid 1h;
  keepalive_requests 1000000000; keepalive_timeout 1h; client_body_buffer_size 64k; default_type text/plain;
  server {
    listen 127.0.0.1:${port} backlog=4096 reuseport; root ${home}/files;
    error_page 405 =200 $uri;
  }
}
`;
}
