/**
 * One keep-alive connection that asks one thing at a time and reads no more of an answer than it must: next to no work of its
 * own and next to no garbage. On two cores, who measures with a whole HTTP client measures that client.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;

export class Wire implements AsyncDisposable {
  readonly #socket: Socket;
  #received = '';
  #answered: PromiseWithResolvers<number> | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#answered?.reject(error));
    socket.on('close', () =>
      this.#answered?.reject(new Error('expected an answer, found a closed connection')),
    );
  }

  static async to(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /**
   * Resolves to the status once head and body are here; bodies have a `Content-Length`, or there is none. Rejects when the
   * connection ends before.
   */
  ask(request: string): Promise<number> {
    if (this.#socket.destroyed) return Promise.reject(new Error('expected a connection, found it closed'));
    this.#received = '';
    this.#answered = Promise.withResolvers();
    this.#socket.write(request, 'latin1');
    return this.#answered.promise;
  }

  #read(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf(HEAD_END);
    if (end === -1) return;
    const bytes = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < end + HEAD_END.length + bytes) return;
    this.#answered?.resolve(Number(this.#received.slice(STATUS_AT, STATUS_AT + 3)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }
}

/** `path` of `host`, as asked over a listener. */
export function get(host: string, path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** A call of the admin API of loopback. */
export function call(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const text = JSON.stringify(body);
  return `${head}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}
