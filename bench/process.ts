/** Programs a bench starts: pinned to a core, awaited until they accept, ended by their own id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Program = { readonly pid: number; readonly child: ChildProcess; stop(): Promise<void> };

const STOP_MS = 20_000;

export function startProgram(
  core: string | undefined,
  program: string,
  args: readonly string[],
  stdio: 'ignore' | 'pipe' = 'ignore',
): Program {
  // taskset becomes the program, so that the process id is the program's own.
  const [command, rest] = core === undefined ? [program, args] : ['taskset', ['-c', core, program, ...args]];
  const child = spawn(command, rest, { stdio: ['ignore', stdio, 'inherit'] });
  if (child.pid === undefined) throw new Error(`expected to start ${program}, found no such program`);
  return { pid: child.pid, child, stop: () => stopChild(child) };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}

/** For programs that cannot tell which port they were given: one that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error(`expected a port, found ${address}`);
  return address.port;
}

export async function waitForPort(port: number, what: string, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await accepts(port))) {
    if (performance.now() > end)
      throw new Error(`expected ${what} to accept on 127.0.0.1:${port} within ${withinMs} ms, found nobody`);
    await sleep(20);
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** What nginx writes beside its answers, kept out of the system's directories so that any user may run it. */
export function nginxTemporaryPaths(home: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((part) => `${part}_temp_path ${home}/${part};`)
    .join(' ');
}
