/**
 * Standard output of a router. Its reader may be slow, stuck or gone, or the disk full, and nothing here waits or
 * fails because of that: lines without room are dropped and counted. Lines of the process log are the last to be
 * dropped.
 */
import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export type StandardOutputOptions = {
  readonly sink: Sink;
  /** Lines are being dropped; `error`: the cause, if it is not a slow reader. Called once, until `regained`. */
  readonly losing: (error: Error | undefined) => void;
  /** Everything kept has been written; `lines`: how many were dropped before. */
  readonly regained: (lines: number) => void;
};

/** Where text goes: a file, or a stream. */
export interface Sink {
  /** Characters that were put but not written yet. */
  readonly waiting: number;
  /** Throws if writing fails. */
  put(text: string): void;
  /** Calls the listener whenever everything put has been written. */
  onWritten(listener: () => void): void;
}

// 4 Mi characters: 20 000 lines of the access log, about a second of a busy core.
const MOST_WAITING = 4_194_304;
// Further room for the process log only: thousands of lines.
const RESERVE = 1_048_576;
const LOOK_EVERY_MS = 10;

export class StandardOutput {
  readonly #options: StandardOutputOptions;
  #dropped = 0;
  /** Dropped lines that were not reported yet. */
  #untold = 0;

  constructor(options: StandardOutputOptions) {
    this.#options = options;
    options.sink.onWritten(() => this.#regain());
  }

  /** The number of dropped lines. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A line of the process log. */
  write(line: string): void {
    this.#put(line, MOST_WAITING + RESERVE);
  }

  /** Whole lines of the access log. */
  writeLines(lines: string): void {
    this.#put(lines, MOST_WAITING);
  }

  /** Resolves to true once everything is written, to false after `withinMs`. */
  async written(withinMs: number): Promise<boolean> {
    const { sink } = this.#options;
    for (let leftMs = withinMs; sink.waiting > 0 && leftMs > 0; leftMs -= LOOK_EVERY_MS)
      await sleep(LOOK_EVERY_MS);
    return sink.waiting === 0;
  }

  #put(text: string, most: number): void {
    const { sink } = this.#options;
    if (sink.waiting > 0 && sink.waiting + text.length > most) {
      this.#drop(text, undefined);
      return;
    }
    try {
      sink.put(text);
      if (sink.waiting === 0) this.#regain();
    } catch (error) {
      this.#drop(text, error as Error);
    }
  }

  #drop(text: string, error: Error | undefined): void {
    const isFirst = this.#untold === 0;
    const lines = text.split('\n').length - 1;
    this.#dropped += lines;
    this.#untold += lines;
    // `losing` may log to this output, and that line be dropped too: it must not count as the first.
    if (isFirst && lines > 0) this.#options.losing(error);
  }

  #regain(): void {
    if (this.#untold === 0) return;
    const lines = this.#untold;
    this.#untold = 0;
    this.#options.regained(lines);
  }
}

/** The sink for the standard output of this process. */
export function standardSink(stream: Writable = process.stdout, descriptor = 1): Sink {
  return fstatSync(descriptor).isFile() ? new FileSink(descriptor) : new StreamSink(stream);
}

const NEW_LINE = 0x0a;

/** Written synchronously. A stream would be closed for good by its first error, such as a disk that is full for a while. */
class FileSink implements Sink {
  readonly waiting = 0;
  readonly #descriptor: number;
  /** The last line was cut off, as by a full disk: it is ended, so that the next one starts on its own line. */
  #isTorn = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  put(text: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text);
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#descriptor, bytes, at);
    } finally {
      if (at > 0) this.#isTorn = at < bytes.length && bytes[at - 1] !== NEW_LINE;
    }
  }

  onWritten(): void {}
}

/** A pipe, a socket or a terminal. */
export class StreamSink implements Sink {
  readonly #stream: Writable;
  #error: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // The reader is gone, and the stream with it: everything further is dropped.
    stream.on('error', (error) => {
      this.#error = error;
    });
  }

  get waiting(): number {
    return this.#error === undefined ? this.#stream.writableLength : 0;
  }

  put(text: string): void {
    if (this.#error !== undefined) throw this.#error;
    this.#stream.write(text);
  }

  onWritten(listener: () => void): void {
    this.#stream.on('drain', listener);
  }
}
