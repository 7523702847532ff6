/**
 * A backend that speaks bytes: it answers every request by a script, or hands each connection to the test. It
 * counts what the router must keep: connections open at once, requests per connection, raw bytes received.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { PATIENCE_MS } from './eventually.ts';
import { parseChunked, RawClient } from './raw-client.ts';

export type RawRequest = {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Names in lower case; repeated fields joined by comma and blank. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly trailers: readonly string[];
  readonly raw: string;
};

/** Gets each whole request; what it returns is sent as it is. Undefined: it did what it wanted itself. */
export type Script = (
  request: RawRequest,
  connection: BackendConnection,
) => string | undefined | Promise<string | undefined>;

export function ok(body = 'hello', ...fields: readonly string[]): string {
  const extra = fields.map((field) => `${field}\r\n`).join('');
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${extra}\r\n${body}`;
}

/** One accepted connection, with all a raw client has: send, end, reset, receives. */
export class BackendConnection extends RawClient {
  readonly number: number;
  requests = 0;

  /** Called once, when it has closed its own side: then it is free to serve somebody else. */
  readonly #over: () => void;
  #isOver = false;

  constructor(socket: Socket, number: number, over: () => void) {
    super(socket);
    this.number = number;
    this.#over = over;
    socket.on('close', () => this.#finished());
  }

  override end(): this {
    this.#finished();
    return super.end();
  }

  #finished(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over();
  }

  /** One whole request, taken off what was received. */
  async takeRequest(timeoutMs?: number): Promise<RawRequest> {
    let found: { request: RawRequest; length: number } | undefined;
    await this.until(
      () => {
        found = parseRequest(this.received);
        return found !== undefined;
      },
      'a whole request',
      timeoutMs,
    );
    if (found === undefined) throw new Error('unreachable');
    this.received = this.received.slice(found.length);
    this.requests++;
    return found.request;
  }

  /** Only the head of a request, its body left in place. */
  async takeHead(timeoutMs?: number): Promise<string> {
    await this.receives('\r\n\r\n', timeoutMs);
    const end = this.received.indexOf('\r\n\r\n') + 4;
    const head = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return head;
  }
}

export class ScriptedBackend {
  readonly #server: Server;
  readonly #script: Script | undefined;
  readonly connections: BackendConnection[] = [];
  readonly requests: RawRequest[] = [];
  open = 0;
  mostOpen = 0;
  #taken = 0;
  #wake: (() => void)[] = [];
  port = 0;

  /** Without a script the test takes each connection by `accept`. */
  static async listen(script?: Script): Promise<ScriptedBackend> {
    const backend = new ScriptedBackend(script);
    backend.#server.listen(0, '127.0.0.1');
    await once(backend.#server, 'listening');
    backend.port = (backend.#server.address() as AddressInfo).port;
    return backend;
  }

  private constructor(script: Script | undefined) {
    this.#script = script;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accepted(socket));
  }

  /** The next connection no one has taken yet. */
  async accept(timeoutMs = PATIENCE_MS): Promise<BackendConnection> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const connection = this.connections[this.#taken];
      if (connection !== undefined) {
        this.#taken++;
        return connection;
      }
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`expected a connection to the backend within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.close();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accepted(socket: Socket): void {
    const connection = new BackendConnection(socket, this.connections.length, () => {
      this.open--;
    });
    this.connections.push(connection);
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    for (const wake of this.#wake.splice(0)) wake();
    if (this.#script !== undefined) void this.#serve(connection, this.#script);
  }

  async #serve(connection: BackendConnection, script: Script): Promise<void> {
    for (;;) {
      await connection.until(
        () => parseRequest(connection.received) !== undefined || connection.over,
        'a request',
        600_000,
      );
      if (parseRequest(connection.received) === undefined) break;
      const request = await connection.takeRequest();
      this.requests.push(request);
      const answer = await script(request, connection);
      if (answer !== undefined && !connection.closed) connection.send(answer);
    }
    connection.end();
  }
}

export function parseRequest(text: string): { request: RawRequest; length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const [method = '', target = '', version = ''] = requestLine.split(' ');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const start = headEnd + 4;
  const made = (body: string, end: number, trailers: readonly string[] = []) => ({
    request: { method, target, version, headers, body, trailers, raw: text.slice(0, end) },
    length: end,
  });
  if (headers.get('transfer-encoding') === 'chunked') {
    const chunked = parseChunked(text, start);
    return chunked === undefined ? undefined : made(chunked.body, chunked.end, chunked.trailers);
  }
  const length = Number(headers.get('content-length') ?? 0);
  if (text.length < start + length) return undefined;
  return made(text.slice(start, start + length), start + length);
}
