/** Where a command writes: results to standard output, the rest to standard error; colour only on a terminal. */
import { once } from 'node:events';
import type { Mark } from '../../config/index.ts';
import type { Io, Output } from '../io.ts';
import { clean } from './table.ts';

const COLOURS = { '+': 32, '-': 31, '~': 33 } as const satisfies Record<Mark, number>;

// Control characters that a terminal interprets and that JSON and YAML leave in their strings, where they can also be
// escaped.
const OBEYED = /[\x7f-\x9f]/g;

// 64 Ki characters: one write for each of a million lines would take longer than the lines.
const AT_ONCE = 65_536;

export class Printer {
  readonly json: boolean;
  readonly #io: Io;
  readonly #left = new AbortController();
  #failure: NodeJS.ErrnoException | undefined;
  #hasPrinted = false;

  constructor(io: Io, json: boolean) {
    this.#io = io;
    this.json = json;
    io.stdout.once('error', (error) => {
      this.#failure = error;
      this.#left.abort();
    });
    io.stderr.once('error', () => undefined);
  }

  /** Aborted when nobody reads any more, or when the command is told to stop. */
  get stop(): AbortSignal {
    return AbortSignal.any([this.#left.signal, this.#io.stop]);
  }

  /**
   * Resolves when everything is written, with the error that prevented it, such as a full disk. Output that others
   * write is their own concern.
   */
  async failure(): Promise<Error | undefined> {
    if (!this.#hasPrinted) return undefined;
    // An empty write finishes after all others, and after their errors.
    if (!this.#left.signal.aborted)
      await new Promise<void>((resolve) => this.#io.stdout.write('', () => resolve()));
    // `switchyard events | head`: the reader has seen enough, which is not a failure.
    const isRefused = this.#failure?.syscall === 'write' && this.#failure.code !== 'EPIPE';
    return isRefused ? this.#failure : undefined;
  }

  /** Waits if the reader is slower. */
  async line(text: string): Promise<void> {
    await this.#write(this.#io.stdout, `${text}\n`);
  }

  async lines(texts: readonly string[]): Promise<void> {
    if (texts.length > 0) await this.line(texts.join('\n'));
  }

  async text(text: string): Promise<void> {
    await this.#write(this.#io.stdout, text);
  }

  /** Writes texts as they arrive, and no more at once than the stream accepts. */
  async pour(texts: AsyncIterable<string>): Promise<void> {
    let waiting = '';
    for await (const text of texts) {
      waiting += text;
      if (waiting.length < AT_ONCE) continue;
      await this.text(waiting);
      waiting = '';
    }
    await this.text(waiting);
  }

  async value(value: unknown): Promise<void> {
    await this.line(JSON.stringify(value, undefined, this.#io.stdout.isTTY ? 2 : undefined));
  }

  /** One line that names the program. */
  note(text: string): void {
    this.#io.stderr.write(`switchyard: ${clean(text)}\n`);
  }

  paint(mark: Mark, text: string): string {
    if (!this.#io.mayColour || !this.#io.stdout.isTTY) return text;
    return `\x1b[${COLOURS[mark]}m${text}\x1b[39m`;
  }

  async #write(output: Output, text: string): Promise<void> {
    this.#hasPrinted = true;
    if (this.#left.signal.aborted || output.write(text.replace(OBEYED, escaped))) return;
    await once(output, 'drain', { signal: this.#left.signal }).catch(() => undefined);
  }
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
