/** Many connections that have each been answered once and then say nothing. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BENCH_HOST } from './load.ts';

const AT_ONCE = 100;
// Long enough for buffers of the one request to be let go of; shorter than any keep-alive time.
const SETTLE_MS = 1500;
// Who takes no more connections leaves the next without an answer.
const PATIENCE_MS = 10_000;

export type IdleConnections = AsyncDisposable & { readonly count: number };

export async function openIdle(port: number, count: number): Promise<IdleConnections> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, () => answered(port));
    sockets.push(...(await Promise.all(batch)));
  }
  await sleep(SETTLE_MS);
  return { count, [Symbol.asyncDispose]: () => closeAll(sockets) };
}

async function answered(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`GET /128 HTTP/1.1\r\nHost: ${BENCH_HOST}\r\n\r\n`);
  const [head] = (await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer];
  if (head.toString('latin1').startsWith('HTTP/1.1 200 ')) return socket;
  throw new Error(`expected 200 before being idle, found ${head.toString('latin1').slice(0, 80)}`);
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => {
      if (socket.destroyed) return undefined;
      const closed = once(socket, 'close');
      socket.destroy();
      return closed;
    }),
  );
}
