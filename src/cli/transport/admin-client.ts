/** Sends requests to the admin API and interprets the answers: successes are parsed, refusals become messages. */
import type { z } from 'zod';
import { quoted } from '../../../eventlog/index.ts';
import { parseHostPort, renderHostPort } from '../../config/index.ts';
import { CommandFailed, UsageError } from '../failure.ts';
import { furtherProblems } from '../render/problems.ts';
import { clean } from '../render/table.ts';
import { DEFAULT_ADMIN, type HttpTransportOptions } from './http-transport.ts';
import { problemReply } from './replies.ts';
import { readToken } from './token.ts';
import type { Answered, Ask, Transport } from './transport.ts';

export class AdminClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get where(): string {
    return this.#transport.where;
  }

  /** The response, if it is a 2xx of the expected shape; otherwise throws `CommandFailed`. */
  async ask<Schema extends z.ZodType>(ask: Ask, schema: Schema): Promise<z.output<Schema>> {
    return this.parsed(await this.answer(ask), schema);
  }

  /** Any response, whatever its status. */
  answer(ask: Ask): Promise<Answered> {
    return this.#transport.answer(ask);
  }

  parsed<Schema extends z.ZodType>(answered: Answered, schema: Schema): z.output<Schema> {
    if (answered.status >= 400) throw this.failure(answered);
    const parsed = schema.safeParse(answered.body);
    if (parsed.success) return parsed.data;
    throw this.#foreign(answered.status);
  }

  failure({ status, body }: Answered): CommandFailed {
    const parsed = problemReply.safeParse(body);
    if (!parsed.success) return this.#foreign(status);
    const { type, detail, problems = [], won = [] } = parsed.data;
    const more = furtherProblems(problems);
    const winners = won.map(
      (event) => `position ${event.position}: ${event.type} by ${event.metadata.author}`,
    );
    return new CommandFailed([detail, ...more, ...winners, ...adviceOn(type)].map(clean), parsed.data);
  }

  lines(ask: Ask, stop: AbortSignal): AsyncGenerator<string> {
    return this.#transport.lines(ask, stop, (answered) => this.failure(answered));
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #foreign(status: number): CommandFailed {
    return new CommandFailed([
      `expected switchyard's admin API at ${this.where}, found another answer (status ${status})`,
    ]);
  }
}

const ADVICE = new Map([
  ['unauthorized', 'give the token with --token-file FILE'],
  ['archived', 'verbs that read take the file that archive wrote: --data FILE'],
  ['host_unknown', 'use the address itself, localhost, or a name listed in admin.names'],
  ['pool_unknown', '"switchyard pool list" shows those there are'],
  ['pool_in_use', 'first remove these domains, or give them another pool'],
  ['request_unknown', 'ids are in the access log (request_id); about a host ask with --host HOST'],
]);

function adviceOn(type: string): string[] {
  const advice = ADVICE.get(type);
  return advice === undefined ? [] : [advice];
}

/** From `--admin` and `--token-file`. */
export async function httpOptions(
  admin: string | undefined,
  tokenFile: string | undefined,
  author: string,
  stop: AbortSignal,
): Promise<HttpTransportOptions> {
  // Also accepts a URL pasted from a browser or a curl command.
  const at = parseHostPort((admin ?? DEFAULT_ADMIN).replace(/^http:\/\/([^/]+)\/?$/, '$1'));
  if (at === undefined || at.port === 0) {
    throw new UsageError(`--admin: expected HOST:PORT, found ${quoted(admin ?? '')}`);
  }
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  return { address: renderHostPort(at), token, author, stop };
}
