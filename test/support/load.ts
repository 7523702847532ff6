/**
 * Clients that keep asking: N keep-alive connections, closed loop or at a rate, each response checked to be the
 * answer to its own request, each failure kept with its reason.
 *
 *   connecting ──▶ asking ──whole response──▶ asking …      (or connecting, when the response said close)
 *       │             └──error, end, time-out, wrong answer──▶ failure ──▶ connecting
 *       └──refused──▶ failure, the end of this client, or another try: as `whenRefused` says
 */
import { connect, type Socket } from 'node:net';

export type LoadOptions = {
  readonly port: number;
  readonly connections: number;
  /** Each request goes to the next. */
  readonly hosts: readonly string[];
  /** All connections together; without it each asks as soon as it was answered. */
  readonly perSecond?: number;
  /** `fail`: counted as a failure. `end`: the client is done. `retry`: again after a few milliseconds. */
  readonly whenRefused?: 'fail' | 'end' | 'retry';
  /** True: a connection that is reset before it ever had a byte of answer was not accepted: counted apart, and tried anew. */
  readonly forgivesUnaccepted?: boolean;
  /** More lines of the request head. */
  readonly fields?: readonly string[];
};

export type Failure = {
  readonly reason: string;
  /** Since the load began. */
  readonly atMs: number;
  readonly path: string;
};

export type LoadFigures = {
  readonly completed: number;
  readonly failures: readonly Failure[];
  readonly refused: number;
  /** Connections that were reset before anybody had accepted them. */
  readonly unaccepted: number;
  readonly latenciesMs: readonly number[];
  /** Times without any success around a failure: from the last success before to the first one after. */
  readonly outagesMs: readonly number[];
  /** The longest time without a success in which nothing failed either: what the machine is slow by itself. */
  readonly longestPauseMs: number;
};

export type Load = AsyncDisposable & {
  readonly figures: () => LoadFigures;
  /** Of each client, how many requests it has begun: those paths are `/CLIENT/0` to `/CLIENT/N-1`. */
  begun(): readonly number[];
  /** Resolves once so many more requests have completed. */
  completes(more: number): Promise<void>;
  /** No new requests; resolves when those under way have ended. */
  stop(): Promise<LoadFigures>;
  /** When every client has ended by itself (`whenRefused: 'end'`). */
  readonly over: Promise<void>;
};

const RETRY_MS = 5;
// A minute: many ask at once, and the router and its backends share the processor with them. What is lost is never answered.
const ANSWER_MS = 60_000;

export function startLoad(options: LoadOptions): Load {
  const book = new Book();
  const clients = Array.from(
    { length: options.connections },
    (_, index) => new LoadClient(index, options, book),
  );
  const over = Promise.all(clients.map((client) => client.run())).then(() => {});
  const stop = async () => {
    for (const client of clients) client.stop();
    await over;
    return book.figures();
  };
  return {
    over,
    figures: () => book.figures(),
    begun: () => clients.map((client) => client.begun),
    completes: (more) => book.reaches(book.completed + more),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

class Book {
  readonly began = performance.now();
  completed = 0;
  refused = 0;
  unaccepted = 0;
  readonly #failures: Failure[] = [];
  readonly #latenciesMs: number[] = [];
  #lastSuccess = this.began;
  #failedSince = false;
  readonly #outagesMs: number[] = [];
  #longestPauseMs = 0;
  #awaited: { count: number; resolve: () => void }[] = [];

  success(latencyMs: number): void {
    const now = performance.now();
    const pauseMs = now - this.#lastSuccess;
    if (this.#failedSince) this.#outagesMs.push(pauseMs);
    else this.#longestPauseMs = Math.max(this.#longestPauseMs, pauseMs);
    this.#failedSince = false;
    this.#lastSuccess = now;
    this.completed++;
    this.#latenciesMs.push(latencyMs);
    if (this.#awaited.length > 0) this.#wake();
  }

  failure(reason: string, path: string): void {
    this.#failedSince = true;
    this.#failures.push({ reason, path, atMs: Math.round(performance.now() - this.began) });
  }

  refusal(): void {
    this.#failedSince = true;
    this.refused++;
  }

  reaches(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.push({ count, resolve });
      this.#wake();
    });
  }

  figures(): LoadFigures {
    return {
      completed: this.completed,
      failures: [...this.#failures],
      refused: this.refused,
      unaccepted: this.unaccepted,
      latenciesMs: this.#latenciesMs,
      outagesMs: this.#outagesMs,
      longestPauseMs: this.#longestPauseMs,
    };
  }

  #wake(): void {
    const due = this.#awaited.filter(({ count }) => count <= this.completed);
    this.#awaited = this.#awaited.filter(({ count }) => count > this.completed);
    for (const { resolve } of due) resolve();
  }
}

type Ended = 'answered' | 'answered and closed' | 'failed' | 'refused' | 'unaccepted';

class LoadClient {
  readonly #index: number;
  readonly #options: LoadOptions;
  readonly #book: Book;
  readonly #intervalMs: number;
  #stopping = false;
  #socket: Socket | undefined;
  #sequence = 0;
  #dueMs: number;

  constructor(index: number, options: LoadOptions, book: Book) {
    this.#index = index;
    this.#options = options;
    this.#book = book;
    this.#intervalMs = options.perSecond === undefined ? 0 : (1000 * options.connections) / options.perSecond;
    this.#dueMs = book.began + (this.#intervalMs * index) / options.connections;
  }

  get begun(): number {
    return this.#sequence;
  }

  stop(): void {
    this.#stopping = true;
  }

  async run(): Promise<void> {
    while (!this.#stopping) {
      await this.#pace();
      if (this.#stopping) break;
      const ended = await this.#ask();
      if (ended === 'answered') continue;
      this.#socket?.destroy();
      this.#socket = undefined;
      if (ended === 'refused' && this.#options.whenRefused === 'end') return;
      if (ended === 'refused' && this.#options.whenRefused === 'retry') await sleep(RETRY_MS);
    }
    this.#socket?.destroy();
  }

  async #pace(): Promise<void> {
    if (this.#intervalMs === 0) return;
    const waitMs = this.#dueMs - performance.now();
    // After a stall the rate goes on from now: the missed requests are not made up for in a burst.
    this.#dueMs = Math.max(this.#dueMs, performance.now() - this.#intervalMs) + this.#intervalMs;
    if (waitMs > 1) await sleep(waitMs);
  }

  #ask(): Promise<Ended> {
    const path = `/${this.#index}/${this.#sequence}`;
    const host = this.#options.hosts[(this.#index + this.#sequence++) % this.#options.hosts.length] ?? '*';
    const isFresh = this.#socket === undefined || this.#socket.destroyed || this.#socket.bytesRead === 0;
    const socket = this.#connection();
    const began = performance.now();
    return new Promise((resolve) => {
      let received = '';
      const finish = (ended: Ended, failure?: string) => {
        clearTimeout(timer);
        socket.removeListener('data', read).removeListener('error', failed).removeListener('close', closed);
        if (ended === 'failed') this.#book.failure(failure ?? 'failed', `${host}${path}`);
        if (ended === 'answered' || ended === 'answered and closed')
          this.#book.success(performance.now() - began);
        if (ended === 'refused') this.#book.refusal();
        if (ended === 'unaccepted') this.#book.unaccepted++;
        resolve(ended);
      };
      const read = (chunk: Buffer) => {
        received += chunk.toString('latin1');
        const verdict = readResponse(received, host, path);
        if (verdict.type === 'partial') return;
        if (verdict.type === 'wrong') return finish('failed', verdict.reason);
        finish(verdict.closes ? 'answered and closed' : 'answered');
      };
      const failed = (error: NodeJS.ErrnoException) => {
        const connecting = error.syscall === 'connect';
        if (connecting && this.#options.whenRefused !== 'fail' && this.#options.whenRefused !== undefined)
          finish('refused');
        else if (
          this.#options.forgivesUnaccepted === true &&
          error.code === 'ECONNRESET' &&
          isFresh &&
          received === ''
        )
          finish('unaccepted');
        else finish('failed', `${error.code ?? error.message} ${progress(received)}`);
      };
      const closed = () => finish('failed', `closed ${progress(received)}`);
      const timer = setTimeout(
        () => finish('failed', `no answer in ${ANSWER_MS} ms, ${progress(received)}`),
        ANSWER_MS,
      );
      socket.on('data', read).on('error', failed).on('close', closed);
      socket.write(this.#request(host, path), 'latin1');
    });
  }

  #connection(): Socket {
    if (this.#socket !== undefined && !this.#socket.destroyed && this.#socket.readyState !== 'closed')
      return this.#socket;
    // Errors between requests show as an end; those during one are listened to there.
    this.#socket = connect({ port: this.#options.port, host: '127.0.0.1', noDelay: true }).on(
      'error',
      () => {},
    );
    return this.#socket;
  }

  #request(host: string, path: string): string {
    const fields = this.#options.fields?.map((field) => `${field}\r\n`).join('') ?? '';
    return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
  }
}

type Verdict =
  | { readonly type: 'partial' }
  | { readonly type: 'right'; readonly closes: boolean }
  | { readonly type: 'wrong'; readonly reason: string };

/** Right is: 200, whole, and a body that ends with this very request. */
function readResponse(received: string, host: string, path: string): Verdict {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return { type: 'partial' };
  const head = received.slice(0, headEnd);
  const body = received.slice(headEnd + 4);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined ? !body.endsWith('0\r\n\r\n') : body.length < Number(length))
    return { type: 'partial' };
  if (!head.startsWith('HTTP/1.1 200 ')) return wrong(head, body);
  if (length !== undefined && (body.length > Number(length) || !body.endsWith(` ${host} ${path}\n`)))
    return wrong(head, body);
  return { type: 'right', closes: /\r\nconnection: *close/i.test(head) };
}

function wrong(head: string, body: string): Verdict {
  const status = head.slice(0, head.indexOf('\r\n'));
  // A router's own answer names its code; anything else is told as it came.
  const told = /\bH\d\d\b/.exec(head + body)?.[0] ?? body.replace(/\s+/g, ' ').slice(0, 200);
  return { type: 'wrong', reason: `${status}: ${told}` };
}

function progress(received: string): string {
  return received === '' ? 'before a byte of response' : `after ${received.length} bytes of response`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** A failed run in a few lines: how often each reason, and the first of each. */
export function summary({ failures }: LoadFigures): string {
  const counts = new Map<string, { count: number; first: Failure }>();
  for (const failure of failures) {
    const seen = counts.get(failure.reason);
    if (seen === undefined) counts.set(failure.reason, { count: 1, first: failure });
    else seen.count++;
  }
  return [...counts]
    .map(([reason, { count, first }]) => `${count} × ${reason} (first: ${first.path} at ${first.atMs} ms)`)
    .slice(0, 10)
    .join('\n');
}
