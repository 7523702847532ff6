/**
 * The router that this process takes over from (`serve --take-over`), through one call to its admin API. It continues
 * if this process ends before the handover; if the old router ends by itself meanwhile, there is nothing left to wait
 * for.
 */
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import type { Held } from '../admin/index.ts';
import { CommandFailed } from '../cli/failure.ts';
import { AdminClient } from '../cli/transport/admin-client.ts';
import { HttpTransport, NothingAnswers } from '../cli/transport/http-transport.ts';
import { parsedJson, parseHostPort, renderHostPort } from '../config/index.ts';

export type PredecessorOptions = {
  /** host:port of its admin API. */
  readonly admin: string;
  readonly token: string | undefined;
  /** The number of the data directory that both processes use. */
  readonly directory: string;
};

// 30 s: it finishes its pending commands first, and its disk may be slow.
const ANSWER_MS = 30_000;
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

const answer = z.union([
  z.object({ given: z.enum(['list', 'room', 'place']), held: z.array(z.custom<Held>()).default([]) }),
  z.object({ withdrawn: z.string() }),
]);
type Want = 'list' | 'room' | 'place';

export class Predecessor {
  /** The listeners it holds. */
  held: readonly Held[] = [];
  readonly #client: AdminClient;
  readonly #stop = new AbortController();
  readonly #wishes = new PassThrough();
  readonly #answers: AsyncGenerator<string>;

  /** Undefined if nothing answers there. Rejects with `CommandFailed` if the router there cannot be taken over. */
  static async find(options: PredecessorOptions): Promise<Predecessor | undefined> {
    const predecessor = new Predecessor(options);
    try {
      predecessor.held = await predecessor.#want('list');
      return predecessor;
    } catch (error) {
      await predecessor.letGo();
      if (error instanceof NothingAnswers) return undefined;
      throw refusalOf(error, options.admin);
    }
  }

  private constructor({ admin, token, directory }: PredecessorOptions) {
    const stop = this.#stop.signal;
    this.#client = new AdminClient(
      new HttpTransport({ address: askedAt(admin), token, author: 'serve', stop }),
    );
    const query = { pid: process.pid, directory };
    this.#answers = this.#client.lines(
      { method: 'POST', path: ['v1', 'takeover'], query, bytes: this.#wishes },
      stop,
    );
  }

  /** Resolves when this process may take the log and its directory. */
  async makeRoom(): Promise<void> {
    await this.#want('room');
  }

  /** Resolves when it accepts no more commands and is about to stop accepting connections. */
  async takePlace(): Promise<void> {
    await this.#want('place');
  }

  async letGo(): Promise<void> {
    this.#stop.abort();
    this.#wishes.destroy();
    await this.#client.close();
  }

  async #want(want: Want): Promise<readonly Held[]> {
    const { where } = this.#client;
    this.#wishes.write(`${JSON.stringify({ want })}\n`);
    const next = this.#answers.next();
    // It answered the first want, so if it stops answering now, it is gone.
    const line = await inTime(want === 'list' ? next : next.catch(() => GONE), where);
    if (line.done === true) return [];
    const found = answer.safeParse(parsedJson(line.value));
    if (!found.success)
      throw new CommandFailed([`expected a router to take over at ${where}, found another answer`]);
    if ('withdrawn' in found.data)
      throw new CommandFailed([`the router at ${where} goes on: ${found.data.withdrawn}`]);
    return found.data.held;
  }
}

const GONE = { done: true, value: undefined } as const;

async function inTime<T>(answered: Promise<T>, where: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const expected = `expected the router at ${where} to answer within ${ANSWER_MS / 1000} s, found nothing`;
    timer = setTimeout(() => reject(new CommandFailed([expected])), ANSWER_MS);
  });
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An admin API that listens on all addresses is asked on loopback. */
function askedAt(admin: string): string {
  const at = parseHostPort(admin);
  if (at === undefined || at.port === 0)
    throw new CommandFailed([
      `admin.address: expected the port of the router that is to be taken over, found ${admin}`,
    ]);
  return renderHostPort({ host: LOOPBACK[at.host] ?? at.host, port: at.port });
}

/** Translates a problem response into what it means for a takeover. */
function refusalOf(error: unknown, admin: string): unknown {
  const type = error instanceof CommandFailed ? (error.json as { type?: unknown }).type : undefined;
  if (type === undefined) return error;
  if (type !== 'path_unknown')
    return new CommandFailed([`the router at ${admin} goes on: ${(error as CommandFailed).message}`]);
  const expected = `expected a router at ${admin} that can be taken over, found one of a version that cannot`;
  return new CommandFailed([`${expected}: end it (SIGTERM), then start this one`]);
}
