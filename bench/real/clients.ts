/** Everybody who asks: each request in its time, whatever became of the others, on a connection that nobody else uses. */
import { connect, type Socket } from 'node:net';
import { WORK_FIELD } from './one-at-a-time.ts';
import type { Workload } from './workload.ts';

export type Asked = { readonly answered: number; readonly left: number; readonly failed: readonly string[] };

// 20 s: longer than any queue of this workload.
const PATIENCE_MS = 20_000;

export async function askAll(port: number, load: Workload): Promise<Asked> {
  const clients = new Clients(port);
  const begunMs = performance.now();
  const { arrivalsMs, worksMs, patiencesMs } = load;
  for (let next = 0; next < arrivalsMs.length; ) {
    const nowMs = performance.now() - begunMs;
    for (; next < arrivalsMs.length && arrivalsMs[next]! <= nowMs; next++)
      clients.ask(worksMs[next]!, patiencesMs[next]!);
    await new Promise((turn) => setTimeout(turn, 1));
  }
  return clients.over();
}

class Clients {
  readonly #port: number;
  readonly #idle: Client[] = [];
  readonly #failed: string[] = [];
  #answered = 0;
  #left = 0;
  #open = 0;
  #whenNone: () => void = () => {};

  constructor(port: number) {
    this.#port = port;
  }

  ask(workMs: number, patienceMs: number): void {
    const client = this.#idle.pop() ?? new Client(this.#port, (gone) => this.#forget(gone));
    this.#open++;
    client.ask(workMs, patienceMs, (how) => this.#ended(client, how));
  }

  async over(): Promise<Asked> {
    if (this.#open > 0)
      await new Promise<void>((resolve) => {
        this.#whenNone = resolve;
      });
    for (const client of this.#idle) client.close();
    return { answered: this.#answered, left: this.#left, failed: this.#failed };
  }

  #ended(client: Client, how: string): void {
    if (how === 'answered') {
      this.#answered++;
      this.#idle.push(client);
    } else if (how === 'left') this.#left++;
    else this.#failed.push(how);
    this.#open--;
    if (this.#open === 0) this.#whenNone();
  }

  /** The router ends a connection that has idled for long. */
  #forget(client: Client): void {
    const at = this.#idle.indexOf(client);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

class Client {
  readonly #socket: Socket;
  #received = '';
  #end: ((how: string) => void) | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(port: number, gone: (client: Client) => void) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#receive(text));
    this.#socket.on('error', (error) => this.#over(error.message));
    this.#socket.on('close', () => {
      gone(this);
      this.#over('closed');
    });
  }

  ask(workMs: number, patienceMs: number, end: (how: string) => void): void {
    this.#end = end;
    this.#socket.write(`GET / HTTP/1.1\r\nHost: rap.test\r\n${WORK_FIELD}: ${workMs}\r\n\r\n`);
    this.#patience = setTimeout(() => this.#leave(patienceMs), Math.min(patienceMs, PATIENCE_MS));
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    if (!this.#received.endsWith('\r\n\r\nok')) {
      if (this.#received.startsWith('HTTP/1.1 200')) return;
      this.#over(this.#received.slice(0, 80));
      this.close();
      return;
    }
    this.#received = '';
    this.#over('answered');
  }

  #leave(patienceMs: number): void {
    this.#over(patienceMs === Number.POSITIVE_INFINITY ? 'no answer' : 'left');
    this.close();
  }

  #over(how: string): void {
    clearTimeout(this.#patience);
    const end = this.#end;
    this.#end = undefined;
    end?.(how);
  }
}
