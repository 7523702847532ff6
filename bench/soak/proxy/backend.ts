/** A backend of one tenant: it listens, may be down for a while, and counts the connections that are open to it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BackendConnection } from './backend-connection.ts';
import type { Book, Moments } from './book.ts';
import type { Tenant } from './tenants.ts';

// A limit that was lowered holds for connections begun after the answer; those before it may still be on their way to us.
const UNDER_WAY_MS = 500;

export class Backend {
  readonly name: string;
  readonly pool: string;
  readonly tenant: Tenant;
  readonly book: Book;
  readonly moments: Moments;
  mostOpen = 0;
  #limit = Number.POSITIVE_INFINITY;
  #lowered: NodeJS.Timeout | undefined;
  /** Those that it has not closed yet. */
  readonly #open = new Set<BackendConnection>();
  readonly #all = new Set<BackendConnection>();
  #server: Server;
  #port = 0;

  constructor(name: string, pool: string, tenant: Tenant, book: Book, moments: Moments) {
    this.name = name;
    this.pool = pool;
    this.tenant = tenant;
    this.book = book;
    this.moments = moments;
    this.#server = this.#serve();
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get open(): number {
    return this.#open.size;
  }

  get isUp(): boolean {
    return this.#server.listening;
  }

  /** Before a higher limit is wished for. */
  raiseTo(limit: number): void {
    clearTimeout(this.#lowered);
    this.#limit = Math.max(this.#limit, limit);
  }

  /** After a lower one was acknowledged. */
  limitTo(limit: number): void {
    clearTimeout(this.#lowered);
    this.#lowered = setTimeout(() => {
      this.#limit = limit;
    }, UNDER_WAY_MS);
  }

  /** Listens, on the port it had before if it had one. */
  async rise(): Promise<void> {
    this.#server = this.#serve();
    this.#server.listen(this.#port, '127.0.0.1', 1024);
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Connects are refused from now on, and what was connected is reset. */
  async fall(): Promise<void> {
    clearTimeout(this.#lowered);
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
    this.mostOpen = Math.max(this.mostOpen, this.open);
    if (this.open <= this.#limit) return;
    // The router may have closed one before it opened this: then its end is already here, to be read in the turn
    // of the event loop that has begun, and its `close` comes after the next.
    setImmediate(() =>
      setImmediate(() => {
        if (this.open > this.#limit)
          this.book.complain(
            `${this.name}: expected at most ${this.#limit} open connections, found ${this.open}`,
          );
      }),
    );
  }
}
