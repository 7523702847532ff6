/** The admin API of a running router, over one connection. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, type Dispatcher, errors } from 'undici';
import { parsedJson } from '../../config/index.ts';
import { CommandFailed } from '../failure.ts';
import { problemReply } from './replies.ts';
import { type Answered, type Ask, linesOf, type Transport, targetOf, tellArchived } from './transport.ts';

export const DEFAULT_ADMIN = '127.0.0.1:8081';

export type HttpTransportOptions = {
  readonly address: string;
  readonly token: string | undefined;
  readonly author: string;
  /** Aborted when the user no longer wants to wait. */
  readonly stop: AbortSignal;
};

/** Nobody accepts the connection. */
export class NothingAnswers extends CommandFailed {}

// 120 s: an apply of 10 000 changes, a verification of millions of events.
const ANSWER_MS = 120_000;
const CONNECT_MS = 5_000;
// Three: a restarting owner is back within a second, and is asked again under the same key.
const ATTEMPTS = 3;
const MAX_RETRY_MS = 2_000;

export class HttpTransport implements Transport {
  readonly where: string;
  readonly #client: Client;
  readonly #options: HttpTransportOptions;

  constructor(options: HttpTransportOptions) {
    this.where = options.address;
    this.#options = options;
    this.#client = new Client(`http://${options.address}`, {
      connect: { timeout: CONNECT_MS },
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
    });
  }

  async answer(ask: Ask): Promise<Answered> {
    // One key for all attempts, so that a command whose answer was lost is not carried out twice.
    const key = ask.method === 'GET' ? {} : { 'idempotency-key': randomUUID() };
    for (let attempt = 1; ; attempt++) {
      const answered = await this.#attempt({ ...ask, headers: { ...key, ...ask.headers } }, attempt);
      if (answered === 'lost') continue;
      if (attempt === ATTEMPTS || !isPassing(answered)) return answered;
      const ms = Math.min(MAX_RETRY_MS, answered.retryAfterMs ?? 0);
      await wait(ms, undefined, { signal: this.#options.stop }).catch(() => undefined);
    }
  }

  async *lines(
    ask: Ask,
    stop: AbortSignal,
    failure: (answered: Answered) => CommandFailed,
  ): AsyncGenerator<string> {
    if (stop.aborted) return;
    try {
      const reply = await this.#request(ask, { signal: stop, bodyTimeout: 0 });
      if (reply.statusCode >= 400) throw failure(await answeredBy(reply));
      if (!isOfType(reply, 'application/x-ndjson')) throw failure(foreign(reply));
      tellArchived(ask, reply.headers);
      yield* linesOf(reply.body);
    } catch (error) {
      if (stop.aborted) return;
      throw error instanceof CommandFailed ? error : this.#unreachable(error);
    }
  }

  /** Waits for nothing: everything has been answered by now, or nobody wants the rest. */
  async close(): Promise<void> {
    await this.#client.destroy();
  }

  async #attempt(ask: Ask, attempt: number): Promise<Answered | 'lost'> {
    try {
      return await answeredBy(await this.#request(ask, { signal: this.#options.stop }));
    } catch (error) {
      if (attempt < ATTEMPTS && LOST.includes(codeOf(error))) return 'lost';
      throw this.#unreachable(error);
    }
  }

  #request(ask: Ask, more: { signal: AbortSignal; bodyTimeout?: number }): Promise<Dispatcher.ResponseData> {
    const body = ask.bytes ?? (ask.body === undefined ? null : JSON.stringify(ask.body));
    return this.#client.request({
      method: ask.method,
      path: targetOf(ask),
      headers: this.#headers(ask),
      body,
      ...(ask.patient === true ? { headersTimeout: 0 } : {}),
      ...more,
    });
  }

  #headers({ method, body, bytes, headers }: Ask): Record<string, string> {
    const { token, author } = this.#options;
    return {
      ...(method === 'GET' ? {} : { 'switchyard-author': author }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(bytes === undefined ? {} : { 'content-type': 'application/x-ndjson' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    };
  }

  #unreachable(error: unknown): CommandFailed {
    if (this.#options.stop.aborted) return new CommandFailed(['interrupted before an answer came']);
    const code = codeOf(error);
    const why = Object.hasOwn(UNREACHABLE, code) ? UNREACHABLE[code] : undefined;
    if (why !== undefined)
      return new NothingAnswers([`nothing answers at ${this.where} (${why})`, ...this.#advice()]);
    if (error instanceof errors.HTTPParserError) {
      return new CommandFailed([
        `expected switchyard's admin API at ${this.where}, found something that is not HTTP`,
      ]);
    }
    const words = Object.hasOwn(UNANSWERED, code) ? UNANSWERED[code] : (error as Error).message;
    return new CommandFailed([`no answer from ${this.where}: ${words}`]);
  }

  #advice(): string[] {
    const start =
      this.where === DEFAULT_ADMIN ? 'switchyard serve' : `switchyard serve --admin ${this.where}`;
    return [`start a router with: ${start}`, 'or say where one is with --admin HOST:PORT'];
  }
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  UND_ERR_CONNECT_TIMEOUT: `no connection within ${CONNECT_MS / 1000} s`,
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name could not be looked up',
};

const CLOSED = 'the connection ended before all of it came';
const SILENT = `nothing came for ${ANSWER_MS / 1000} s`;

const UNANSWERED: Readonly<Record<string, string>> = {
  ECONNRESET: CLOSED,
  EPIPE: CLOSED,
  UND_ERR_SOCKET: CLOSED,
  UND_ERR_HEADERS_TIMEOUT: SILENT,
  UND_ERR_BODY_TIMEOUT: SILENT,
};

// The connection ended before an answer; with the same key the request may be sent again.
const LOST = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

function isPassing({ status, body }: Answered): boolean {
  const parsed = problemReply.safeParse(body);
  return status === 503 && parsed.success && parsed.data.type === 'owner_unavailable';
}

function isOfType({ headers }: Dispatcher.ResponseData, type: string): boolean {
  return String(headers['content-type']).startsWith(type);
}

/** If another program answers, only its status is read. */
function foreign({ statusCode }: Dispatcher.ResponseData): Answered {
  return { status: statusCode, etag: undefined, body: undefined };
}

async function answeredBy({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Answered> {
  const { etag, 'retry-after': retryAfter, 'switchyard-position': position } = headers;
  return {
    status: statusCode,
    etag: typeof etag === 'string' ? etag : undefined,
    retryAfterMs: typeof retryAfter === 'string' ? Number(retryAfter) * 1000 : undefined,
    position: typeof position === 'string' ? Number(position) : undefined,
    body: parsedJson(await body.text()),
  };
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}
