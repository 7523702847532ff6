/**
 * Logs commands to the process log: a moment after the answer, several at once. A line costs this thread half
 * as much as the rest of a command, and a client that just got its answer tends to send the next command through
 * another thread, which needs a core.
 */
import type { IncomingMessage } from 'node:http';
import type { Logger } from './logger.ts';

export type CommandNote = {
  readonly request: IncomingMessage;
  readonly status: number;
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
    for (const { request, status, ms } of told) {
      const { method, url, headers } = request;
      const author = headers['switchyard-author'] ?? 'admin';
      this.#logger.info({ method, url, author, status, ms }, 'command answered');
    }
  }
}
