/** The admin API: HTTP and JSON for operators, on an address of its own and off the request path. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { quoted } from '../../eventlog/index.ts';
import { isLoopback, parseHostPort, renderHostPort } from '../config/index.ts';
import { AdminUnavailable, cannotListen } from './admin-unavailable.ts';
import { Dispatcher } from './dispatcher.ts';
import { discardRest } from './http/body.ts';
import { Connections } from './http/connections.ts';
import { Sender } from './http/send.ts';
import { refuseTunnel, refuseUnreadable } from './http/unreadable.ts';
import type { AdminOptions } from './ports.ts';

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
  /** Without one, only a loopback address may be listened on. */
  readonly #hasToken: boolean;
  readonly #dispatcher: Dispatcher;
  readonly #server: Server;
  readonly #connections: Connections;
  /** By connection with a request in progress: resolves when the last one is answered. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  readonly #closing = new AbortController();
  readonly #sender: Sender;
  #closed: Promise<unknown> | undefined;

  constructor(options: AdminOptions) {
    this.#hasToken = options.token !== undefined;
    this.#dispatcher = new Dispatcher(options, this.#closing.signal);
    this.#sender = new Sender(this.#closing.signal, options.stalledMs);
    const serve = (request: IncomingMessage, response: ServerResponse) =>
      this.#serveInTurn(request, response);
    this.#server = createServer(SERVER_OPTIONS, serve);
    this.#connections = new Connections(this.#server, options.connections);
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
    if (!this.#hasToken && !isLoopback(at.host)) {
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
    this.#dispatcher.tellNotes();
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
    const refusal = this.#connections.enter(request.socket, response);
    if (former !== undefined) {
      await former;
      await nextTurn();
      if (request.socket.destroyed) return;
    }
    const reply = await this.#dispatcher.answer(request, response, refusal, gone.signal);
    const isReading = reply.type === 'stream' && reply.isReading === true;
    if (!isReading) await discardRest(request);
    // The unread rest of a body would be taken for the next request.
    if (!request.complete && !isReading) response.setHeader('connection', 'close');
    try {
      await this.#sender.send(response, reply);
    } catch (error) {
      this.#dispatcher.fault(error, request);
      response.destroy();
    }
  }
}
