/** A client that speaks bytes: what it sends is what a test wrote, what it got is what came, when it came. */
import { connect, type Socket } from 'node:net';
import { PATIENCE_MS, pause } from './eventually.ts';

export type RawResponse = {
  readonly status: number;
  readonly phrase: string;
  readonly version: string;
  /** Names in lower case; repeated fields joined by comma and blank. */
  readonly headers: ReadonlyMap<string, string>;
  /** As received: name, value, name, value. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** False: the connection ended before the message did. */
  readonly complete: boolean;
  readonly raw: string;
};

export type ReadOptions = { readonly method?: string; readonly timeoutMs?: number };

export class RawClient {
  readonly socket: Socket;
  /** What has come and was not taken yet, one character a byte. */
  received = '';
  /** All that ever came. */
  total = '';
  ended = false;
  closed = false;
  error: Error | undefined;
  #wake: (() => void) | undefined;

  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const client = new RawClient(connect({ port, host, allowHalfOpen: true, noDelay: true }));
    await client.until(() => client.socket.readyState === 'open' || client.closed, 'a connection');
    return client;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('connect', () => this.#changed());
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      this.received += text;
      this.total += text;
      this.#changed();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  send(bytes: string | Uint8Array): this {
    if (typeof bytes === 'string') this.socket.write(bytes, 'latin1');
    else this.socket.write(bytes);
    return this;
  }

  /** Half-closes: a FIN after what was sent. */
  end(): this {
    this.socket.end();
    return this;
  }

  reset(): this {
    this.socket.resetAndDestroy();
    return this;
  }

  close(): this {
    this.socket.destroy();
    return this;
  }

  get over(): boolean {
    return this.ended || this.closed;
  }

  /** Resolves when the condition holds; throws with what had come when it does not in time. */
  async until(condition: () => boolean, what: string, timeoutMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(
          `expected ${what} within ${timeoutMs} ms, found ${JSON.stringify(this.received.slice(0, 500))}${this.over ? ' and the end' : ''}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async receives(text: string, timeoutMs?: number): Promise<void> {
    await this.until(() => this.received.includes(text), JSON.stringify(text), timeoutMs);
  }

  /** The other side ended the connection, in whatever way. */
  async ends(timeoutMs?: number): Promise<void> {
    await this.until(() => this.over, 'the end of the connection', timeoutMs);
  }

  /** One response, taken off what was received. Interim responses are responses. */
  async response(options: ReadOptions = {}): Promise<RawResponse> {
    let found: { response: RawResponse; length: number } | undefined;
    await this.until(
      () => {
        found = parseResponse(this.received, options.method ?? 'GET', this.over);
        return found !== undefined || this.over;
      },
      'a response',
      options.timeoutMs,
    );
    if (found === undefined)
      throw new Error(`expected a response, found the end after ${JSON.stringify(this.received)}`);
    this.received = this.received.slice(found.length);
    return found.response;
  }

  async request(bytes: string, options: ReadOptions = {}): Promise<RawResponse> {
    this.send(bytes);
    return this.response({ method: bytes.slice(0, bytes.indexOf(' ')), ...options });
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** False: it did not leave within half a second. */
export function isTaken(client: RawClient, bytes: string): Promise<boolean> {
  const left = new Promise<boolean>((resolve) => client.socket.write(bytes, 'latin1', () => resolve(true)));
  return Promise.race([left, pause(500).then(() => false)]);
}

/** A plain reading of RFC 9112 for tests: it shares no line with the code under test. */
export function parseResponse(
  text: string,
  method: string,
  over: boolean,
): { response: RawResponse; length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const [version = '', code = ''] = statusLine.split(' ');
  const status = Number(code);
  const phrase = statusLine.slice(version.length + code.length + 2);
  const fields = fieldsOf(lines);
  const headers = new Map<string, string>();
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? (fields[i + 1] as string) : `${before}, ${fields[i + 1]}`);
  }
  const start = headEnd + 4;
  const made = (body: string, length: number, complete: boolean, trailers: readonly string[] = []) => ({
    response: {
      status,
      phrase,
      version,
      headers,
      fields,
      body,
      trailers,
      complete,
      raw: text.slice(0, length),
    },
    length,
  });
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return made('', start, true);
  if (headers.get('transfer-encoding') === 'chunked') {
    const chunked = parseChunked(text, start);
    if (chunked !== undefined) return made(chunked.body, chunked.end, true, chunked.trailers);
    return over ? made(text.slice(start), text.length, false) : undefined;
  }
  const announced = headers.get('content-length');
  if (announced === undefined) return over ? made(text.slice(start), text.length, true) : undefined;
  const end = start + Number(announced);
  if (text.length >= end) return made(text.slice(start, end), end, true);
  return over ? made(text.slice(start), text.length, false) : undefined;
}

export function parseChunked(
  text: string,
  from: number,
): { body: string; trailers: readonly string[]; end: number } | undefined {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (text.length < at + size + 2) return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
  }
  const lines: string[] = [];
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { body, trailers: fieldsOf(lines), end: at };
    lines.push(line);
  }
}

function fieldsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}
