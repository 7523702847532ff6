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
import type { HeldBody } from './http/call.ts';
import { checkUnconditional } from './http/command-headers.ts';
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
  /** If set, required for everything but probes. Without a token the API listens on loopback only. */
  readonly token?: string;
  /** Further names accepted in the Host field. */
  readonly names: readonly string[];
  readonly logger: Logger;
  /** The number of connections that may be open at once; 288 by default. */
  readonly connections?: number;
}

export interface Admin {
  /** `host:port`, port 0 for any; resolves to the address bound. Rejects with `AdminUnavailable`. */
  listen(address: string): Promise<string>;
  /** Stops listening; existing connections stay. Resolves when new connections all go to another listener. */
  leave(): Promise<void>;
  /** Ends streams and waits; from now on every response is the last on its connection. New calls are still answered. */
  letGo(): void;
  /** Ends streams and idle connections, waits a moment for calls in progress, then cuts the rest. */
  close(): Promise<void>;
}

const SERVER_OPTIONS = {
  // 10 s for a head of at most 16 KiB. Bodies have their own limits, since an import may take any length of time.
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  // A missing Host is refused with a problem response, like a wrong one.
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
  /** By connection with a request in progress: resolves when the last one is answered. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  readonly #notes: CommandNotes;
  readonly #bodies = new BodyRoom();
  readonly #closing = new AbortController();
  #closed: Promise<unknown> | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#guard = { names: options.names.map(nameOf), token: options.token };
    // A route that is switched off does not exist, so that it cannot be told apart from one that never did.
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
    // An expectation other than 100-continue: Node would answer it by itself, without a problem response.
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
    // During a takeover, the new process listens beside the old one.
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
    // Two turns of the event loop, so that connections waiting to be accepted are accepted.
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

  /** Resolves when its last connection is closed; undefined if it never listened. */
  #unlisten(): Promise<unknown> | undefined {
    if (this.#server.listening) {
      this.#closed = once(this.#server, 'close');
      this.#server.close();
    }
    return this.#closed;
  }

  /**
   * RFC 9112 §9.3.2: pipelined requests are carried out in order. An import counts as carried out when its response is
   * complete. A client with many of them holds one response at a time, if it reads none, and others get their turn in
   * between.
   */
  #serveInTurn(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const turn = this.#serve(request, response, this.#turns.get(socket));
    this.#turns.set(socket, turn);
    void turn.then(() => this.#turns.get(socket) === turn && this.#turns.delete(socket));
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    former: Promise<void> | undefined,
  ): Promise<void> {
    // A response in progress when the admin API closes is the last on its connection, even if its head said otherwise.
    response.once('finish', () => {
      if (this.#closing.signal.aborted) request.socket.end();
    });
    const gone = new AbortController();
    response.once('close', () => {
      // After the response nobody waits for anything, and the exception made by an abort costs as much as reading the
      // call.
      if (!response.writableFinished) gone.abort();
    });
    const hasRoom = this.#connections.enter(request.socket, response);
    if (former !== undefined) {
      await former;
      await nextTurn();
      if (request.socket.destroyed) return;
    }
    const reply = await this.#answer(request, response, hasRoom, gone.signal);
    const isReading = reply.type === 'stream' && reply.isReading === true;
    if (!isReading) await discardRest(request);
    // The unread rest of a body would be taken for the next request.
    if (!request.complete && !isReading) response.setHeader('connection', 'close');
    try {
      await send(response, reply, this.#closing.signal);
    } catch (error) {
      this.#fault(error, request);
      response.destroy();
    }
    // The client has it, or has left.
    if (!response.closed) await new Promise((resolve) => response.once('close', resolve));
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
    // A router with many operators must not be restarted for that, so probes are answered even when the API is full.
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
    const noted = () => this.#notes.add({ request, reply, ms });
    // Noted when the response has been sent, or now if the client has left.
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
    // Details of an internal error belong in the log, where the operator reads them, not in the response.
    return problem('internal_error', 'see the log of the process');
  }

  #fault(error: unknown, { method, url, socket }: IncomingMessage): void {
    // The client left in the middle of its own request: nobody is to blame, and nobody is left to tell.
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
