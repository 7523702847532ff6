/**
 * The program of one process that is many backends, each of which does one request at a time and takes as long as the
 * request says. It tells its ports when it listens, and what was asked of it too much when it is told to end.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export type FromBackends =
  | { readonly type: 'ports'; readonly ports: readonly number[] }
  /** Connections that were opened to a backend that had one. */
  | { readonly type: 'excess'; readonly excess: number };

export const WORK_FIELD = 'X-Work-Ms';
export const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const WORK = new RegExp(`\r\n${WORK_FIELD}: ([0-9.]+)\r\n`, 'i');

let excess = 0;

async function listen(): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    // The router may have closed one before it opened this: its end is then here, to be read in the turn that begins.
    if (open.size > 1) setImmediate(() => setImmediate(() => count(open)));
    serve(socket, () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1', 16);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function count(open: ReadonlySet<Socket>): void {
  if (open.size > 1) excess++;
}

function serve(socket: Socket, over: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  let head = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    head += text;
    if (!head.endsWith('\r\n\r\n')) return;
    const workMs = Number(WORK.exec(head)?.[1]);
    head = '';
    // A timer of Node is up to a millisecond late, so it is asked for a little less.
    timer = setTimeout(() => socket.write(ANSWER), Math.max(1, Math.floor(workMs)));
  });
  socket.on('error', () => {});
  socket.on('end', over);
  socket.on('close', () => {
    clearTimeout(timer);
    over();
  });
}

if (import.meta.main) {
  const tell = (message: FromBackends) => process.send?.(message);
  process.on('message', () => {
    tell({ type: 'excess', excess });
    process.disconnect?.();
    process.exit(0);
  });
  const ports: number[] = [];
  for (let i = 0; i < Number(process.argv[2]); i++) ports.push(await listen());
  tell({ type: 'ports', ports });
}
