/**
 * What was commanded, for the process log: told a moment after the answer, many at once. Lines are as dear as half of all else
 * that a command takes of this thread, and who just got an answer asks something next, over another thread that needs a core.
 */
import type { IncomingMessage } from 'node:http';
import type { Logger } from './logger.ts';

export type CommandNote = {
  readonly request: IncomingMessage;
  readonly status: number;
  /** From reading the head of the request to the answer. */
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

  /** All that waits, now. */
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
