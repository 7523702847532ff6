/** The admin API: HTTP and JSON for operators, on an address of its own and off the request path. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DataUnusable, EventUnreadable, LogUnavailable, quoted } from '../../eventlog/index.ts';
import { isLoopback, parseHostPort, renderHostPort } from '../config/index.ts';
import { Unanswerable } from '../history/index.ts';
import { AdminUnavailable, cannotListen } from './admin-unavailable.ts';
import { CommandNotes } from './command-notes.ts';
import {
  announcedBytes,
  checkExpectation,
  checkMediaType,
  discardRest,
  readBody,
  readBytes,
  readWhole,
} from './http/body.ts';
import { BodyRoom } from './http/body-room.ts';
import { checkUnconditional } from './http/by.ts';
import type { HeldBody } from './http/call.ts';
import { Connections } from './http/connections.ts';
import { checkHost, checkOrigin, checkToken, checkWay, type GuardOptions } from './http/guard.ts';
import { problem, Refused, rejected, unanswered } from './http/problem.ts';
import type { Reply } from './http/reply.ts';
import { send } from './http/send.ts';
import { refuseTunnel, refuseUnreadable } from './http/unreadable.ts';
import type { Logger } from './logger.ts';
import { match } from './match.ts';
import type { AdminPorts } from './ports.ts';
import { type Route, routesOf } from './routes.ts';

export interface AdminOptions extends AdminPorts {
  /** Wanted of everybody but probes, when set. Without one only loopback is listened on. */
  readonly token?: string;
  /** Further names that a Host may say. */
  readonly names: readonly string[];
  readonly logger: Logger;
  /** That may be open at once; 288 by default. */
  readonly connections?: number;
}

export interface Admin {
  /** `host:port`, port 0 for any; resolves to the address bound. Rejects with `AdminUnavailable`. */
  listen(address: string): Promise<string>;
  /** Lets go of the address; connections that are there stay. Resolves when another may have all that come. */
  leave(): Promise<void>;
  /** Ends streams and waits: from now on every answer is the last on its connection. New calls are still answered. */
  letGo(): void;
  /** Ends streams and idle connections, waits a moment for calls under way, then cuts what is left. */
  close(): Promise<void>;
}

const SERVER_OPTIONS = {
  // 10 s for a head of at most 16 KiB; bodies have bounds of their own, since an import takes as long as it takes.
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  // A Host that is missing is refused with a problem, like one that is wrong.
  requireHostHeader: false,
  connectionsCheckingInterval: 5_000,
};
const CLOSE_GRACE_MS = 2_000;

export function createAdmin(options: AdminOptions): Admin {
  return new AdminServer(options);
}

class AdminServer implements Admin {
  readonly #options: AdminOptions;
  readonly #guard: GuardOptions;
  readonly #routes: readonly Route[];
  /** Paths that answer without a token. */
  readonly #open: ReadonlySet<string>;
  readonly #server: Server;
  readonly #connections: Connections;
  /** Of each connection, until what came on it last is answered. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  readonly #notes: CommandNotes;
  readonly #bodies = new BodyRoom();
  readonly #closing = new AbortController();
  #closed: Promise<unknown> | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#guard = { names: options.names.map(nameOf), token: options.token };
    // A route that is switched off does not exist, so that nobody can tell it apart from one never made.
    this.#routes = routesOf(options.chaos !== undefined);
    this.#open = new Set(this.#routes.filter(({ open }) => open).map(pathOf));
    const serve = (request: IncomingMessage, response: ServerResponse) =>
      this.#serveInTurn(request, response);
    this.#server = createServer(SERVER_OPTIONS, serve);
    this.#connections = new Connections(this.#server, options.connections);
    this.#notes = new CommandNotes(options.logger);
    const refusing = (socket: Duplex, refuse: () => void) => {
      if (this.#connections.mayRefuse(socket as Socket)) refuse();
      else socket.destroy();
    };
    this.#server.on('clientError', (error, socket) =>
      refusing(socket, () => refuseUnreadable(error, socket)),
    );
    // What expects anything but 100 Continue: Node alone would answer it, without a problem.
    this.#server.on('checkExpectation', serve);
    this.#server.on('connect', (_request, socket) => refusing(socket, () => refuseTunnel(socket)));
  }

  async listen(address: string): Promise<string> {
    const at = parseHostPort(address);
    if (at === undefined)
      throw new AdminUnavailable('address_invalid', `admin: expected host:port, found ${quoted(address)}`);
    if (this.#guard.token === undefined && !isLoopback(at.host)) {
      throw new AdminUnavailable(
        'address_exposed',
        `admin: expected a token or a loopback address, found ${address} without one`,
      );
    }
    // A process that takes over listens beside the one before it.
    this.#server.listen({ port: at.port, host: at.host, reusePort: true });
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      throw cannotListen(address, error);
    }
    const bound = this.#server.address() as AddressInfo;
    return renderHostPort({ host: bound.address, port: bound.port });
  }

  letGo(): void {
    this.#closing.abort();
  }

  async leave(): Promise<void> {
    // Turns of the loop, so that whoever waits to be accepted is.
    await nextTurn();
    await nextTurn();
    void this.#unlisten();
  }

  async close(): Promise<void> {
    this.letGo();
    const closed = this.#unlisten();
    if (closed === undefined) return;
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE_MS);
    await closed;
    clearTimeout(timer);
    this.#notes.tell();
  }

  /** Resolves when its last connection is gone; undefined: it never listened. */
  #unlisten(): Promise<unknown> | undefined {
    if (this.#server.listening) {
      this.#closed = once(this.#server, 'close');
      this.#server.close();
    }
    return this.#closed;
  }

  /** RFC 9112 §9.3.2: what comes behind one another on a connection is carried out so; an import is once it is poured. */
  #serveInTurn(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#turns.set(socket, this.#serve(request, response, this.#turns.get(socket)));
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    former: Promise<void> | undefined,
  ): Promise<void> {
    // An answer under way when the admin closes is the last one on its connection, even if its head said otherwise.
    response.once('finish', () => {
      if (this.#closing.signal.aborted) request.socket.end();
    });
    const gone = new AbortController();
    response.once('close', () => {
      // After its answer nobody waits for anything, and the exception that an abort makes is as dear as reading the call.
      if (!response.writableFinished) gone.abort();
    });
    const hasRoom = this.#connections.enter(request.socket, response);
    await former;
    const reply = await this.#answer(request, response, hasRoom, gone.signal);
    const isReading = reply.type === 'stream' && reply.isReading === true;
    if (!isReading) await discardRest(request);
    // What is left of a body that nobody read would be taken for the next request.
    if (!request.complete && !isReading) response.setHeader('connection', 'close');
    try {
      await send(response, reply, this.#closing.signal);
    } catch (error) {
      this.#fault(error, request);
      response.destroy();
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    hasRoom: boolean,
    signal: AbortSignal,
  ): Promise<Reply> {
    try {
      signal.throwIfAborted();
      return await this.#handled(request, response, hasRoom, signal);
    } catch (error) {
      return this.#translated(error, request);
    }
  }

  async #handled(
    request: IncomingMessage,
    response: ServerResponse,
    hasRoom: boolean,
    signal: AbortSignal,
  ): Promise<Reply> {
    const startedAtMs = this.#options.now();
    const { method = 'GET', headers, url = '' } = request;
    checkHost(request, this.#guard);
    checkOrigin(request);
    checkWay(request, this.#guard);
    const open = this.#open.has(url.split('?', 1)[0]!);
    if (!open) checkToken(request, this.#guard);
    // A router whose operators are many is none to be ended: probes are answered whatever else there is.
    if (!open && !hasRoom) throw fullHouse(this.#connections.most);
    checkExpectation(request);
    const { route, params, query } = match(this.#routes, method, url);
    if (route.method !== 'GET') checkMediaType(request);
    if (route.method === 'POST') checkUnconditional(request);
    const body = () => readBody(request, route.limitBytes);
    const whole = () => this.#heldBody(request, response, route.limitBytes, signal);
    const gone = () => AbortSignal.any([this.#closing.signal, signal]);
    const bytes = (withinMs?: number) => readBytes(request, withinMs);
    const call = { method, params, query, headers, body, whole, bytes, signal, gone };
    const reply = await route.handler(call, this.#options);
    if (route.method === 'GET') return reply;
    const ms = this.#options.now() - startedAtMs;
    const noted = () => this.#notes.add({ request, status: reply.status, ms });
    // When the answer is out, if anybody is there to get it.
    if (response.closed) noted();
    else response.once('close', noted);
    return reply;
  }

  async #heldBody(
    request: IncomingMessage,
    response: ServerResponse,
    limitBytes: number,
    signal: AbortSignal,
  ): Promise<HeldBody | undefined> {
    const room = await this.#bodies.enter(announcedBytes(request, limitBytes), signal);
    const letGo = () => room[Symbol.dispose]();
    response.once('close', letGo);
    const bytes = await readWhole(request, limitBytes);
    return bytes && { bytes, [Symbol.dispose]: letGo };
  }

  #translated(error: unknown, request: IncomingMessage): Reply {
    if (error instanceof Refused) return error.reply;
    if (error instanceof Unanswerable) return unanswered(error);
    if (error instanceof LogUnavailable) {
      return rejected({
        type: error.code === 'log_full' ? 'log_full' : 'log_unavailable',
        detail: error.message,
      });
    }
    if (error instanceof DataUnusable) return rejected({ type: 'log_unavailable', detail: error.message });
    if (error instanceof EventUnreadable) return problem('unreadable', error.message);
    this.#fault(error, request);
    // What went wrong inside is for the log, where the operator reads it, not for whoever asked.
    return problem('internal_error', 'see the log of the process');
  }

  #fault(error: unknown, { method, url, socket }: IncomingMessage): void {
    // The client left in the middle of its own request: nobody's fault, and nobody to tell.
    if (socket.destroyed) return;
    this.#options.logger.error({ err: error, method, url }, 'admin call failed');
  }
}

function fullHouse(most: number): Refused {
  const detail = `expected at most ${most} connections with a request under way, found more`;
  return new Refused('too_many_connections', detail, {
    headers: { 'retry-after': '1', connection: 'close' },
  });
}

function pathOf({ pattern }: Route): string {
  return `/${pattern.join('/')}`;
}

function nameOf(name: string): string {
  return (parseHostPort(name) ?? parseHostPort(`${name}:80`))?.host ?? name.toLowerCase();
}
