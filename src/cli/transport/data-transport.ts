/**
 * The admin API's reading requests on a data directory, with or without a router running: the same handlers with the
 * log on disk instead of the live one, so both give the same answers.
 */
import {
  DataUnusable,
  EventUnreadable,
  type LogInspection,
  type LogReader,
  LogUnavailable,
  openSqliteLog,
  openSqliteReader,
} from '../../../eventlog/index.ts';
import { Refused, unanswered } from '../../admin/http/problem.ts';
import type { Reply } from '../../admin/http/reply.ts';
import { match } from '../../admin/match.ts';
import type { AdminPorts } from '../../admin/ports.ts';
import { ROUTES } from '../../admin/routes.ts';
import {
  archiveLog,
  LocalHistory,
  type OpenSources,
  repairing,
  sourcesOf,
  Unanswerable,
} from '../../history/index.ts';
import { CommandFailed } from '../failure.ts';
import { type Answered, type Ask, type Transport, targetOf, tellArchived } from './transport.ts';

type Reader = LogReader & LogInspection;

export class DataTransport implements Transport {
  readonly where: string;
  readonly #reader: Reader;
  readonly #past: OpenSources;
  readonly #ports: AdminPorts;
  readonly #stop: AbortSignal;

  /** Throws `CommandFailed` if there is no log to read. */
  constructor(directory: string, now: () => number, stop: AbortSignal) {
    this.where = directory;
    this.#stop = stop;
    this.#reader = translated(() => openSqliteReader(directory));
    this.#past = sourcesOf(directory, now);
    this.#ports = portsOf(directory, this.#reader, new LocalHistory(this.#past), now);
  }

  async answer(ask: Ask): Promise<Answered> {
    const reply = await this.#reply(ask);
    const { etag } = { etag: undefined, ...reply.headers };
    return { status: reply.status, etag, body: await bodyOf(reply) };
  }

  async *lines(
    ask: Ask,
    stop: AbortSignal,
    failure: (answered: Answered) => CommandFailed,
  ): AsyncGenerator<string> {
    const reply = await this.#reply(ask);
    if (reply.type !== 'stream') {
      throw failure({
        status: reply.status,
        etag: undefined,
        body: 'value' in reply ? reply.value : undefined,
      });
    }
    tellArchived(ask, reply.headers);
    try {
      yield* poured(reply, stop);
    } catch (error) {
      if (stop.aborted) return;
      throw failed(error);
    }
  }

  async close(): Promise<void> {
    this.#reader.close();
    this.#past.close();
  }

  async #reply(ask: Ask): Promise<Reply> {
    try {
      const { route, params, query } = match(ROUTES, ask.method, targetOf(ask));
      const gone = () => this.#stop;
      const body = async () => ask.body;
      const call = {
        method: ask.method,
        params,
        query,
        headers: ask.headers ?? {},
        body,
        whole: never,
        bytes: never,
        signal: this.#stop,
        gone,
      };
      return await route.handler(call, this.#ports);
    } catch (error) {
      if (this.#stop.aborted) throw new CommandFailed(['interrupted before an answer came']);
      if (error instanceof Refused) return error.reply;
      if (error instanceof Unanswerable) return unanswered(error);
      throw failed(error);
    }
  }
}

type Stream = Extract<Reply, { type: 'stream' }>;

async function bodyOf(reply: Reply): Promise<unknown> {
  if (reply.type === 'json') return JSON.parse(JSON.stringify(reply.value));
  if (reply.type !== 'stream') return undefined;
  let text = '';
  const write = async (piece: string | Uint8Array) => {
    text += String(piece);
    return true;
  };
  try {
    await reply.pour({ write, signal: new AbortController().signal });
    return JSON.parse(text);
  } catch (error) {
    throw failed(error);
  }
}

/** Turns push into pull: the handler pushes pages of whole lines, the command pulls lines, one page at a time. */
async function* poured(reply: Stream, stop: AbortSignal): AsyncGenerator<string> {
  const pages: string[] = [];
  let wake = () => {};
  let taken = () => {};
  let done = false;
  const ended = new AbortController();
  const write = async (text: string | Uint8Array) => {
    pages.push(String(text));
    wake();
    await new Promise<void>((resolve) => {
      taken = resolve;
    });
    return !stop.aborted && !ended.signal.aborted;
  };
  const pouring = reply.pour({ write, signal: AbortSignal.any([stop, ended.signal]) }).finally(() => {
    done = true;
    wake();
  });
  pouring.catch(() => undefined);
  try {
    for (;;) {
      const page = pages.shift();
      if (page !== undefined) {
        yield* page.trimEnd().split('\n');
        taken();
      } else if (done) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (done || pages.length > 0) resolve();
        });
      }
    }
    await pouring;
  } finally {
    ended.abort();
    taken();
  }
}

function never(): never {
  throw new TypeError('expected a question that reads, found one for a running router');
}

function portsOf(directory: string, reader: Reader, history: LocalHistory, now: () => number): AdminPorts {
  return {
    desk: { look: never, refusalOf: never, ask: never, carryOut: never, askTogether: never },
    log: {
      position: async () => reader.position(),
      archived: async () => reader.base()?.position ?? 0,
      version: async (stream) => reader.version(stream),
      read: async (options) => reader.read(options),
      readStream: async (stream, options) => reader.readStream(stream, options),
      current: async (stream) => reader.current(stream),
      currents: async (options) => reader.currents(options),
      onAppended: () => () => {},
    },
    history,
    repair: () => repairing(directory, now),
    archive: async function* (wish) {
      const log = openSqliteLog({ directory, now });
      try {
        return yield* archiveLog({ history, directory, log: () => log }, wish);
      } finally {
        await log.close();
      }
    },
    ledger: () => undefined,
    checkpoint: () => undefined,
    ownAddresses: () => ({ listeners: [], local: [] }),
    now,
    actors: never,
    drained: never,
    metrics: never,
    health: never,
    ready: never,
    replace: never,
    successions: { directory: undefined, pid: undefined, begin: never },
  };
}

function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failed(error);
  }
}

/** Problems with the data become messages; our own mistakes are thrown on. */
function failed(error: unknown): unknown {
  const known =
    error instanceof DataUnusable || error instanceof EventUnreadable || error instanceof LogUnavailable;
  return known ? new CommandFailed([error.message]) : error;
}
