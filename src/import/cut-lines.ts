/**
 * Cuts bytes into lines, and lines into chunks: numbered from 1, blank lines left out, no line kept longer than
 * needed.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { GrowingBytes } from '../wire/growing-bytes.ts';

export type Line = { readonly number: number; readonly text: string };

/** 1 MiB: the most that one owner's settings can take; a file with longer lines is of another kind. */
const MAX_LINE_BYTES = 1_048_576;

/**
 * 256 KiB of lines together: a thousand lines, the most there may be, of four times the usual length. A chunk is held
 * in memory several times, and nobody else has the log while it is written.
 */
const MAX_CHUNK_CHARACTERS = 262_144;

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);
// RFC 8259 §8.1: it may be ignored at the beginning of the text.
const BYTE_ORDER_MARK = '\ufeff';

/** Bytes that are not a line of text. */
export class NoLine extends Error {
  override readonly name = 'NoLine';
  readonly line: number;
  /** The first line of the chunk that this one would be in. */
  readonly from: number;
  constructor(line: number, from: number, message: string) {
    super(message);
    this.line = line;
    this.from = from;
  }
}

/** `first`: the number of the first line, if it is part of a longer file. Lines before `from` are left out. */
export type Numbering = { readonly first?: number; readonly from?: number };

/**
 * Yields at most `size` lines at a time, which may change for each chunk, and no more text than `MAX_CHUNK_CHARACTERS`
 * unless a single line is longer. The same lines are cut alike, however their bytes arrive. Yields an empty chunk if
 * `isAtHand` says that more lines would have to be waited for. Throws `NoLine`.
 */
export async function* cutLines(
  source: AsyncIterable<Uint8Array>,
  size: number | (() => number),
  { first = 1, from = 1 }: Numbering = {},
  isAtHand = () => true,
): AsyncGenerator<readonly Line[]> {
  const cutter = new Cutter(size, first, from);
  for await (const bytes of source) {
    yield* cutter.take(bytes);
    if (!isAtHand()) yield [];
  }
  yield* cutter.end();
}

class Cutter {
  readonly #size: () => number;
  readonly #first: number;
  readonly #from: number;
  /** The beginning of an incomplete line. */
  #rest: GrowingBytes | undefined;
  #number: number;
  #lines: Line[] = [];
  #characters = 0;

  constructor(size: number | (() => number), first: number, from: number) {
    this.#first = first;
    this.#number = first - 1;
    this.#size = typeof size === 'number' ? () => size : size;
    this.#from = from;
  }

  *take(bytes: Uint8Array): Generator<readonly Line[]> {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const last = piece.lastIndexOf(LF);
    if (last !== -1) yield* this.#cut(this.#withRest(piece.subarray(0, last)));
    this.#keep(piece.subarray(last + 1));
  }

  *end(): Generator<readonly Line[]> {
    if (this.#rest !== undefined) yield* this.#cut(this.#withRest(NOTHING));
    if (this.#lines.length > 0) yield this.#lines;
  }

  #withRest(piece: Buffer): Buffer {
    const rest = this.#rest;
    if (rest === undefined) return piece;
    this.#rest = undefined;
    rest.append(piece, 0, piece.length);
    return rest.bytes.subarray(0, rest.length);
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#rest ??= new GrowingBytes();
    this.#rest.append(piece, 0, piece.length);
    if (this.#rest.length > MAX_LINE_BYTES) throw this.#tooLong(this.#number + 1);
  }

  *#cut(whole: Buffer): Generator<readonly Line[]> {
    // Nearly all lines are ASCII. A UTF-8 decoder would make strings of two bytes per character, and so would be
    // everything made from them.
    const texts = isAscii(whole) ? whole.toString('latin1').split('\n') : this.#decoded(whole);
    for (const text of texts) {
      this.#number += 1;
      if (text.length > MAX_LINE_BYTES) throw this.#tooLong(this.#number);
      if (this.#number < this.#from || isBlank(text)) continue;
      if (this.#lines.length > 0 && this.#characters + text.length > MAX_CHUNK_CHARACTERS)
        yield this.#chunk();
      this.#lines.push({ number: this.#number, text });
      this.#characters += text.length;
      if (this.#lines.length >= this.#size()) yield this.#chunk();
    }
  }

  /** Line by line, so that lines before an invalid one are still read. */
  *#decoded(whole: Buffer): Generator<string> {
    for (let at = 0; at <= whole.length; ) {
      const end = whole.indexOf(LF, at);
      const bytes = whole.subarray(at, end === -1 ? whole.length : end);
      const line = this.#number + 1;
      if (bytes.length > MAX_LINE_BYTES) throw this.#tooLong(line);
      if (!isUtf8(bytes)) throw this.#noLine(line, 'expected UTF-8, found other bytes');
      const text = bytes.toString();
      yield line === this.#first && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
      at += bytes.length + 1;
    }
  }

  #chunk(): readonly Line[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#characters = 0;
    return lines;
  }

  #tooLong(line: number): NoLine {
    return this.#noLine(line, `expected at most ${MAX_LINE_BYTES} bytes, found more`);
  }

  #noLine(line: number, problem: string): NoLine {
    return new NoLine(line, this.#lines[0]?.number ?? line, `line ${line}: ${problem}`);
  }
}

/** Empty, or only white space, such as the carriage return that some systems end lines with. */
function isBlank(text: string): boolean {
  return text === '' || text === '\r' || text.trim() === '';
}
