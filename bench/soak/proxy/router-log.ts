/** What the router prints: a line for each request goes into the book, and of its own log what should not be there is kept. */
import type { Readable } from 'node:stream';
import { MADE_TO_FAIL } from '../stage.ts';
import type { Book } from './book.ts';

type Line = {
  readonly level?: string;
  readonly msg?: string;
  readonly path?: string;
  readonly code?: string;
  readonly outcome?: string;
  readonly status?: number | null;
};

// A config file that was refused on purpose, and requests that went down with their actor.
const WANTED = /SIGHUP: nothing applied|"request_crashed"/;

export class RouterLog {
  readonly #book: Book;
  requests = 0;
  /** Lines of requests that nobody of ours made. */
  strange = 0;
  #partial = '';
  readonly #told = new Map<string, number>();

  constructor(lines: Readable, book: Book) {
    this.#book = book;
    lines.on('data', (bytes: Buffer) => this.#take(bytes.toString('utf8')));
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(text: string): void {
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
    } catch {
      this.#book.complain(`the log: expected JSON, found ${text.slice(0, 300)}`);
      return;
    }
    if (line.msg !== undefined) this.#tell(line.msg.replaceAll(/\d+/g, 'N'));
    if (line.path !== undefined && line.outcome !== undefined) this.#request(line, line.outcome);
    else if ((line.level === 'error' || line.level === 'fatal') && !isWanted(text))
      this.#book.complain(`the log: ${text.slice(0, 1500)}`);
  }

  /** How often it said so; for each number stands N. */
  told(what: string): number {
    return this.#told.get(what) ?? 0;
  }

  #tell(what: string): void {
    this.#told.set(what, this.told(what) + 1);
  }

  #request({ path, code, status }: Line, outcome: string): void {
    this.requests++;
    const asked = this.#book.asked.get((path ?? '').slice('/s/'.length));
    if (asked === undefined) this.strange++;
    else asked.logged.push({ code: code ?? '', outcome, status: status ?? 0 });
  }
}

function isWanted(text: string): boolean {
  return MADE_TO_FAIL.test(text) || WANTED.test(text);
}
