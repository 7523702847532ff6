/**
 * A backend that behaves or misbehaves as it is told, and counts what only a backend can count: how many
 * connections are open to it and how many requests it works on at the same time.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type HeldPort, holdPort } from './held-port.ts';

export type Behaviour =
  /** 200 with a body that names the backend and the request, after `delayMs`, or when `when` is. */
  | {
      readonly type: 'answer';
      readonly delayMs?: number;
      readonly when?: Promise<void>;
      readonly status?: number;
    }
  /** The connection is reset before a byte of response. */
  | { readonly type: 'reset' }
  /** Half of the promised body, then a reset. */
  | { readonly type: 'die-mid-response' }
  /** Nothing, ever. */
  | { readonly type: 'silent' }
  /** A chunk at once and every `everyMs`, until `chunks` are sent. */
  | { readonly type: 'stream'; readonly chunks: number; readonly everyMs: number };

export type BackendOptions = {
  readonly name: string;
  /** More open connections than this, or more requests at once, are counted in `excess`. */
  readonly limit?: number;
};

export class Backend implements AsyncDisposable {
  readonly name: string;
  /** May be changed while it runs; decides for each request. */
  behave: (request: IncomingMessage) => Behaviour = () => ({ type: 'answer' });
  /** Told of each request as it arrives. */
  onRequest: (request: IncomingMessage) => void = () => {};
  requests = 0;
  inFlight = 0;
  peakInFlight = 0;
  peakOpen = 0;
  /** Each time the limit was passed, in words. */
  readonly excess: string[] = [];
  readonly #limit: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;
  /** So that the port stays ours while it refuses. */
  #held: HeldPort | undefined;

  static async start(options: BackendOptions): Promise<Backend> {
    const backend = new Backend(options);
    if (process.platform === 'linux') backend.#held = await holdPort();
    backend.#port = backend.#held?.port ?? 0;
    await backend.accept();
    return backend;
  }

  constructor({ name, limit }: BackendOptions) {
    this.name = name;
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.#server = this.#serve();
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** Listens, on the port it had before if it had one. */
  async accept(): Promise<void> {
    this.#server = this.#serve();
    this.#server.listen(this.#port, '127.0.0.1', 1024);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Connects are refused from now on, and what was connected is reset. */
  async refuse(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.refuse();
    await this.#held?.close();
  }

  #serve(): Server {
    // An idle connection is the router's to close; this one outlasts every test.
    const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) =>
      this.#take(request, response),
    );
    return server.on('connection', (socket: Socket) => this.#connected(socket));
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    this.peakOpen = Math.max(this.peakOpen, this.open);
    if (this.open <= this.#limit) return;
    // The router may have closed one before it opened this: then its end is already here, to be read in the turn
    // of the event loop that has begun, and its `close` comes after the next.
    setImmediate(() => setImmediate(() => this.#check('connections open', this.open)));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.requests++;
    this.inFlight++;
    this.peakInFlight = Math.max(this.peakInFlight, this.inFlight);
    this.#check('requests at once', this.inFlight);
    let over = false;
    const finish = () => {
      if (!over) this.inFlight--;
      over = true;
    };
    // The slot may be given to another request as soon as the last byte is out, so it is counted out before.
    response.on('prefinish', finish).on('close', finish);
    this.onRequest(request);
    request.resume().on('end', () => this.#answer(request, response));
  }

  #check(what: string, found: number): void {
    if (found > this.#limit)
      this.excess.push(`${this.name}: expected at most ${this.#limit} ${what}, found ${found}`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const behaviour = this.behave(request);
    switch (behaviour.type) {
      case 'answer':
        this.#reply(request, response, behaviour);
        break;
      case 'reset':
        request.socket.resetAndDestroy();
        break;
      case 'die-mid-response':
        response.writeHead(200, { 'content-length': 1000, 'x-backend': this.name });
        response.write('x'.repeat(500), () => request.socket.resetAndDestroy());
        break;
      case 'silent':
        break;
      case 'stream':
        this.#stream(response, behaviour);
        break;
    }
  }

  #reply(
    request: IncomingMessage,
    response: ServerResponse,
    behaviour: Behaviour & { type: 'answer' },
  ): void {
    const body = bodyOf(this.name, request.headers.host ?? '', request.url ?? '');
    const send = () => {
      const { status = 200 } = behaviour;
      const headers = { 'content-length': Buffer.byteLength(body), 'x-backend': this.name };
      response.writeHead(status, headers).end(body);
    };
    if (behaviour.when !== undefined) void behaviour.when.then(send);
    else if (behaviour.delayMs === undefined) send();
    else setTimeout(send, behaviour.delayMs);
  }

  #stream(response: ServerResponse, { chunks, everyMs }: Behaviour & { type: 'stream' }): void {
    response.writeHead(200, { 'x-backend': this.name });
    let sent = 0;
    const send = () => {
      response.write(`chunk ${sent++}\n`);
      if (sent < chunks) return;
      clearInterval(timer);
      response.end();
    };
    const timer = setInterval(send, everyMs);
    response.on('close', () => clearInterval(timer));
    send();
  }
}

/** Names who answered what, so that a response that reached the wrong client is noticed. */
export function bodyOf(backend: string, host: string, path: string): string {
  return `${backend} ${host} ${path}\n`;
}
