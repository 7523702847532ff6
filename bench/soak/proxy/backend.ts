/** A backend of one tenant: it listens, may be down for a while, and counts the connections that are open to it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BackendConnection } from './backend-connection.ts';
import type { Book, Moments } from './book.ts';
import { InForce } from './in-force.ts';
import type { Tenant } from './tenants.ts';

// A limit that was lowered holds for connections begun after the answer; those before it may still be on their way to us.
const UNDER_WAY_MS = 500;

export class Backend {
  readonly name: string;
  readonly pool: string;
  readonly tenant: Tenant;
  readonly book: Book;
  readonly moments: Moments;
  readonly #limits: InForce<number>;
  /** Those that it has not closed yet. */
  readonly #open = new Set<BackendConnection>();
  readonly #all = new Set<BackendConnection>();
  #server: Server;
  /** A port, or the path of a Unix socket. */
  #place: number | string = 0;

  constructor(name: string, pool: string, tenant: Tenant, limit: number, book: Book, moments: Moments) {
    this.name = name;
    this.pool = pool;
    this.tenant = tenant;
    this.book = book;
    this.moments = moments;
    this.#limits = new InForce(limit);
    this.#server = this.#serve();
  }

  get address(): string {
    return typeof this.#place === 'string' ? `unix:${this.#place}` : `127.0.0.1:${this.#place}`;
  }

  get open(): number {
    return this.#open.size;
  }

  get isUp(): boolean {
    return this.#server.listening;
  }

  /** A limit is about to be wished for; what is returned is called with the answer. */
  wishLimit(limit: number): () => void {
    return this.#limits.wish(limit);
  }

  /** The most connections, or requests, that it may have now. */
  get limit(): number {
    const now = performance.now();
    return Math.max(...this.#limits.between(now - UNDER_WAY_MS, now));
  }

  /** Listens: where it did before, unless that is said. */
  async rise(place = this.#place): Promise<void> {
    this.#server = this.#serve();
    if (typeof place === 'string') this.#server.listen(place, 1024);
    else this.#server.listen(place, '127.0.0.1', 1024);
    await once(this.#server, 'listening');
    this.#place = typeof place === 'string' ? place : (this.#server.address() as AddressInfo).port;
  }

  /** Connects are refused from now on, and what was connected is reset. */
  async fall(): Promise<void> {
    if (!this.isUp) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#all) connection.reset();
    await closed;
  }

  #serve(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#connected(socket));
  }

  #connected(socket: Socket): void {
    const connection = new BackendConnection(socket, this, () => this.#open.delete(connection));
    this.#open.add(connection);
    this.#all.add(connection);
    socket.on('close', () => this.#all.delete(connection));
    if (this.open <= this.limit) return;
    // The router may have closed one before it opened this: then its end is already here, to be read in the turn
    // of the event loop that has begun, and its `close` comes after the next.
    setImmediate(() =>
      setImmediate(() => {
        if (this.open > this.limit)
          this.book.complain(
            `${this.name}: expected at most ${this.limit} open connections, found ${this.open}`,
          );
      }),
    );
  }
}
