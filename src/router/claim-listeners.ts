/**
 * Claims the listen addresses before anything is started, so that an address in use is reported at once, and by name.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Held } from '../admin/index.ts';
import { type ListenerSettings, parseHostPort, renderHostPort } from '../config/index.ts';

/**
 * Replaces each address by one that is free, with port 0 resolved. Workers share a port among themselves, and the
 * system would also share it with another router of the same user. So each address is first bound exclusively, which
 * fails if anybody else has it. The exception are the addresses `held` by the router that is to be taken over: they are
 * shared with it, and it keeps listening.
 */
export async function claimListeners(
  listeners: readonly ListenerSettings[],
  claims: Claims,
  held: readonly Held[] = [],
): Promise<ListenerSettings[]> {
  const left = [...held];
  const claimed: ListenerSettings[] = [];
  for (const listener of listeners) {
    const { address } = listener;
    const at = left.findIndex(({ wished, bound }) => address === wished || address === bound);
    const [shared] = at === -1 ? [] : left.splice(at, 1);
    claimed.push({ ...listener, address: shared?.bound ?? (await claims.claim(address)) });
  }
  return claimed;
}

export class AddressUnavailable extends Error {
  override readonly name = 'AddressUnavailable';
}

/**
 * Reserves addresses between the check that they are free and listening on them; without it, a router that starts in
 * the same second would also find them free. The mark is a Unix socket with an abstract name: it has no file, exists as
 * long as this process, and is separate in every network namespace. Anybody can take such a name, so a name in use is
 * waited for, but only for a limited time. A port chosen by the system needs no mark: it is listened on all the time,
 * shared with the workers, since the system would give it to the next program that asks for any port. Nobody connects
 * to it, for nobody has been told of it. A port that is set is not held like that: its clients know it, and would be
 * accepted and sent away where they are now refused. Whoever takes it meanwhile is reported (`takenSince`).
 */
export class Claims {
  readonly #marks = new Map<string, Server>();
  /** The requested address by the address it resolved to: two names may resolve to one address. */
  readonly #bound = new Map<string, string>();
  readonly #patienceMs: number;

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  async claim(address: string): Promise<string> {
    const at = parseHostPort(address);
    if (at === undefined) throw new AddressUnavailable(`expected host:port, found ${address}`);
    await this.#mark(renderHostPort(at), address);
    const isKept = SHARES_PORTS && at.port === 0;
    const how = isKept ? { reusePort: true } : { exclusive: true };
    const server = await listening({ host: at.host, port: at.port, ...how }).catch((error) => {
      throw unavailable(address, error);
    });
    const { address: host, port } = server.address() as AddressInfo;
    const claimed = renderHostPort({ host: at.host, port });
    if (isKept) this.#marks.set(claimed, server.unref());
    else await new Promise((resolve) => server.close(resolve));
    // Port 0 is a different port each time.
    if (at.port !== 0) this.#claimOnce(renderHostPort({ host, port }), address);
    return claimed;
  }

  /** Drops the marks, once all addresses are listened on. */
  letGo(): void {
    for (const mark of this.#marks.values()) mark.close();
    this.#marks.clear();
  }

  /** Two listeners on one address would each get some of the connections. */
  #claimOnce(bound: string, address: string): void {
    const other = this.#bound.get(bound);
    if (other !== undefined)
      throw new AddressUnavailable(`expected ${other} and ${address} to differ, found both at ${bound}`);
    this.#bound.set(bound, address);
  }

  async #mark(name: string, address: string): Promise<void> {
    if (!SHARES_PORTS || name.endsWith(':0')) return;
    if (this.#marks.has(name)) throw new AddressUnavailable(`expected ${address} once, found it twice`);
    for (let waitedMs = 0; waitedMs <= this.#patienceMs; waitedMs += AGAIN_MS) {
      const mark = await listening({ path: markOf(name) }).catch(
        (error: NodeJS.ErrnoException) => error.code,
      );
      if (typeof mark === 'object') {
        this.#marks.set(name, mark.unref());
        return;
      }
      // Where such sockets are not allowed, continue without a mark, as on other systems.
      if (mark !== 'EADDRINUSE') return;
      await sleep(AGAIN_MS);
    }
  }
}

// Only Linux shares ports like this and has abstract socket names.
const SHARES_PORTS = process.platform === 'linux';
// 10 s: longer than a router takes to start. By then it listens, and its address is found in use like any other.
const PATIENCE_MS = 10_000;
const AGAIN_MS = 50;
// Abstract socket names have at most 107 bytes.
const LONGEST = 80;

/** The user id is part of the name because the system shares a port only within one user. */
function markOf(name: string): string {
  return `\0switchyard ${process.geteuid?.()} ${name.slice(-LONGEST)}`;
}

/** Holds the address and rejects connections. Rejects with the system's error. */
async function listening(options: ListenOptions): Promise<Server> {
  const server = createServer();
  server.maxConnections = 0;
  server.listen(options);
  await once(server, 'listening');
  return server;
}

/** Undefined if the error has another cause than somebody listening on an address since it was claimed. */
export function takenSince(error: Error): AddressUnavailable | undefined {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code !== 'EADDRINUSE' || address === undefined || port === undefined) return undefined;
  return unavailable(renderHostPort({ host: address, port }), error);
}

function unavailable(address: string, error: unknown): AddressUnavailable {
  return new AddressUnavailable(reasonOf(address, error as NodeJS.ErrnoException));
}

function reasonOf(address: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `expected ${address} to be free, found it in use by another program`;
  if (code === 'EACCES')
    return `expected to be allowed to listen on ${address}, found that this user may not`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `expected ${address} to be an address of this machine, found that it is not`;
  return `cannot listen on ${address}: ${message}`;
}
