/**
 * A backend of one tenant: it listens, may be down for a while or move to another address, and counts the connections that are
 * open to it.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { BackendConnection } from './backend-connection.ts';
import type { Book, Moments } from './book.ts';
import { InForce } from './in-force.ts';
import type { Tenant } from './tenants.ts';

// A limit that was lowered holds for connections begun after the answer; those before it may still be on their way to us.
const UNDER_WAY_MS = 500;

/** How it is told to the router; `door`: which of its addresses, from 0. */
export type Standing = { readonly type: 'in' | 'draining' | 'out'; readonly door: number };

type Door = { readonly server: Server; readonly place: number | string };

export class Backend {
  /** Of its own; the router may know it by another. */
  readonly name: string;
  readonly pool: string;
  readonly tenant: Tenant;
  readonly book: Book;
  readonly moments: Moments;
  readonly #limits: InForce<number>;
  /** Those that it has not closed yet. */
  readonly #open = new Set<BackendConnection>();
  readonly #all = new Set<BackendConnection>();
  readonly #standings = new InForce<Standing>({ type: 'in', door: 0 });
  /** Where it has ever listened, and still does, unless it is down. `place`: a port, or the path of a Unix socket. */
  readonly #doors: Door[] = [];
  /** Under which the router knows it, or is to know it. */
  id: string;
  /** By which the router is to come. */
  door = 0;

  constructor(name: string, pool: string, tenant: Tenant, limit: number, book: Book, moments: Moments) {
    this.name = name;
    this.id = name;
    this.pool = pool;
    this.tenant = tenant;
    this.book = book;
    this.moments = moments;
    this.#limits = new InForce(limit);
  }

  get address(): string {
    const place = this.#doors[this.door]?.place;
    return typeof place === 'string' ? `unix:${place}` : `127.0.0.1:${place}`;
  }

  get path(): string {
    return `/v1/pools/${this.pool}/backends/${this.id}`;
  }

  /** A worker that died has closed all that it had, and what it was given is another's: of who rests just then the end is read later. */
  get open(): number {
    const now = performance.now();
    const isLeft = ({ rests, begunAtMs }: BackendConnection) =>
      rests && this.moments.within('worker', begunAtMs, now);
    return [...this.#open].filter((connection) => !isLeft(connection)).length;
  }

  get isUp(): boolean {
    return this.#doors[this.door]?.server.listening === true;
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

  /** How the router is about to be told of it; what is returned is called with the answer. */
  wish(type: Standing['type']): () => void {
    return this.#standings.wish({ type, door: this.door });
  }

  /** Why no request sent then may come by this door now; undefined: one may. */
  unasked(sentAtMs: number, door: number): string | undefined {
    const standings = this.#standings.between(sentAtMs, performance.now());
    const isDue = standings.some(
      (standing) => standing.door === door && (standing.type === 'in' || this.#isHomeIn(standing)),
    );
    return isDue
      ? undefined
      : `expected none by door ${door}, since it stood as ${JSON.stringify(standings)}, found one`;
  }

  /** Clients that are at home in one that drains come back. */
  #isHomeIn({ type }: Standing): boolean {
    return type === 'draining' && this.tenant === 'loyal';
  }

  /** Listens at a place, where it may be asked from now on. */
  async rise(place: number | string = 0): Promise<void> {
    await this.#listen(this.#doors.length, place);
    this.door = this.#doors.length - 1;
  }

  /** Listens where it did. */
  riseAgain(): Promise<void> {
    return this.#listen(this.door, this.#doors[this.door]?.place ?? 0);
  }

  /** Connects are refused from now on, and what was connected is reset. */
  async fall(): Promise<void> {
    const open = this.#doors.filter(({ server }) => server.listening);
    const closed = open.map(({ server }) => once(server.close(), 'close'));
    for (const connection of this.#all) connection.reset();
    await Promise.all(closed);
  }

  async #listen(door: number, place: number | string): Promise<void> {
    const options = { allowHalfOpen: true, noDelay: true };
    const server = createServer(options, (socket) => this.#connected(socket, door));
    if (typeof place === 'string') server.listen(place, 1024);
    else server.listen(place, '127.0.0.1', 1024);
    await once(server, 'listening');
    const found = typeof place === 'string' ? place : (server.address() as AddressInfo).port;
    this.#doors[door] = { server, place: found };
  }

  #connected(socket: Socket, door: number): void {
    const connection = new BackendConnection(socket, this, door, this.#open.size, () =>
      this.#open.delete(connection),
    );
    this.#open.add(connection);
    this.#all.add(connection);
    socket.on('close', () => this.#all.delete(connection));
    if (this.open <= this.limit) return;
    void this.#judge();
  }

  /**
   * The router may have closed one before it opened another: then its end is already here, behind what it had sent before, of which each
   * turn of the event loop reads a piece.
   */
  async #judge(): Promise<void> {
    for (let before = -1, read = this.#bytesRead; read !== before; [before, read] = [read, this.#bytesRead]) {
      // What comes while one turn reads is read in the next.
      await turnOfTheLoop();
      await turnOfTheLoop();
      if (this.open <= this.limit) return;
    }
    this.book.complain(`${this.name}: expected at most ${this.limit} open connections, found ${this.open}`);
  }

  get #bytesRead(): number {
    return [...this.#open].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  }
}
