/**
 * Logs commands to the process log: a moment after the answer, several at once. A line costs this thread half
 * as much as the rest of a command, and a client that just got its answer tends to send the next command through
 * another thread, which needs a core.
 */
import type { IncomingMessage } from 'node:http';
import type { Reply } from './http/reply.ts';
import type { Logger } from './logger.ts';

export type CommandNote = {
  readonly request: IncomingMessage;
  readonly reply: Reply;
  /** From reading the request's head to the answer. */
  readonly ms: number;
};

const LATER_MS = 25;

export class CommandNotes {
  readonly #logger: Logger;
  #waiting: CommandNote[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(note: CommandNote): void {
    this.#waiting.push(note);
    this.#timer ??= setTimeout(() => this.tell(), LATER_MS);
  }

  /** Logs everything that waits, now. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const told = this.#waiting;
    this.#waiting = [];
    for (const { request, reply, ms } of told) {
      const { method, url, headers } = request;
      const author = headers['switchyard-author'] ?? 'admin';
      const fields = { method, url, author, status: reply.status, ms, ...refusalIn(reply) };
      if (reply.status >= 500) this.#logger.warn(fields, 'command answered');
      else this.#logger.info(fields, 'command answered');
    }
  }
}

/** Every reply of 400 and above is a problem. Without its words, a full disk would be in the log as a status alone. */
function refusalIn(reply: Reply): { readonly refused: string; readonly detail: string } | undefined {
  if (reply.type !== 'json' || reply.status < 400) return undefined;
  const { type, detail } = reply.value as { readonly type: string; readonly detail: string };
  return { refused: type, detail };
}
