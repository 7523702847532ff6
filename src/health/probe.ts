/** One question to one backend: a GET on a connection of its own, whose answer's status is all that matters. */
import type { BackendAddress } from '../proxy/index.ts';
import { afterTurning } from '../threads/index.ts';

export type Question = {
  readonly address: BackendAddress;
  readonly path: string;
  readonly timeoutMs: number;
};

/** Its status, or why there was none. */
export type Heard = { readonly status: number } | { readonly nothing: string };

export async function probe({ address, path, timeoutMs }: Question): Promise<Heard> {
  // Loaded by the first question: most routers never ask one, and all of them start.
  const { Client } = await import('undici');
  const late = new AbortController();
  const { signal } = late;
  const callOff = afterTurning(timeoutMs, () => late.abort());
  const client = new Client(originOf(address), {
    // All of it has one time-out, ours.
    connect: 'path' in address ? { socketPath: address.path, timeout: 0 } : { timeout: 0 },
    pipelining: 1,
    maxHeaderSize: 65_536,
  });
  try {
    const headers = { 'user-agent': 'switchyard-probe', accept: '*/*' };
    const { statusCode, body } = await client.request({ method: 'GET', path, headers, reset: true, signal });
    // What it says does not matter; its end must not throw where nobody listens.
    body.on('error', () => {});
    body.destroy();
    return { status: statusCode };
  } catch (error) {
    return { nothing: signal.aborted ? `no answer within ${timeoutMs} ms` : (error as Error).message };
  } finally {
    callOff();
    client.destroy().catch(() => {});
  }
}

function originOf(address: BackendAddress): string {
  if ('path' in address) return 'http://localhost';
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `http://${host}:${address.port}`;
}
