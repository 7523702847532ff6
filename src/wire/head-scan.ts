/**
 * Finds the lines of a head: one pass over its bytes that can stop at any byte and continue when more arrive, so a
 * head sent byte by byte costs no more than one sent at once.
 *
 *   empty lines ─▶ start line ─▶ (name ─▶ colon, blanks ─▶ value)* ─▶ empty line
 *
 * Faults are found in the order of the bytes: how a head is split into reads never changes the result.
 */
import { NOWHERE } from './known-heads.ts';
import { COLON, CR, FIELD_VALUE, isBlank, LF, SPACE, TAB, TOKEN } from './octets.ts';
import type { ScanBounds, ScanProblem } from './scan-bounds.ts';
import { printableEnd, wordsOf } from './words.ts';

export const SCANNED = { more: 0, startLine: 1, done: 2, refused: 3 } as const;
export type Scanned = (typeof SCANNED)[keyof typeof SCANNED];

const STATE = {
  empty: 0,
  emptyLf: 1,
  startLine: 2,
  startLf: 3,
  lineStart: 4,
  name: 5,
  blanks: 6,
  value: 7,
  valueLf: 8,
  lastLf: 9,
} as const;

/** The state of a scan, kept until the head is complete. A new one, or one after reset(), begins a head. */
export class HeadScan {
  #state: number = STATE.empty;
  #at = 0;
  #emptyLines = 0;
  #lineStart = 0;
  #valueStart = 0;
  #lineLimit = 0;
  #lineProblem: ScanProblem = 'header_line_too_long';

  /** The offset of the start line in the message; the offsets below count from here. */
  base = 0;
  startLineEnd = 0;
  /** Name start, name end, value start, value end of each field; only the first `markCount` entries are valid. */
  marks: number[] = [];
  markCount = 0;
  /** After `done`: the length of the head, without empty lines before it. */
  headBytes = 0;
  problem: ScanProblem = 'head_too_large';
  /** For the reader of the start line: three numbers to keep until the head is complete. */
  first = 0;
  second = 0;
  third = 0;
  /** The place of the head read last among the known heads; kept for the next. */
  place = NOWHERE;

  /** Prepares for a head, or with `fieldsOnly` for a trailer section. */
  reset(fieldsOnly = false): void {
    this.#state = fieldsOnly ? STATE.lineStart : STATE.empty;
    this.#at = 0;
    this.#emptyLines = 0;
    this.base = 0;
    // Do not keep a list that has grown large.
    if (this.marks.length > 400) this.marks = [];
    // Otherwise keep its memory: a list of length zero would have to grow again.
    this.markCount = 0;
  }

  /** The offset from `base` up to which bytes were examined. */
  get scanned(): number {
    return this.#at - this.base;
  }

  /** Whether the examined bytes end within the start line or before it. */
  get isInStartLine(): boolean {
    return this.#state < STATE.lineStart;
  }

  scan(buffer: Buffer, start: number, end: number, bounds: ScanBounds): Scanned {
    let state = this.#state;
    let at = start + this.#at;
    let base = start + this.base;
    for (;;) {
      const cap = base + bounds.headBytes;
      if (at >= cap) return this.#refuse(state, 'head_too_large', at - start);
      const stop = Math.min(end, cap);
      if (at >= stop) {
        this.#state = state;
        this.#at = at - start;
        return SCANNED.more;
      }
      switch (state) {
        case STATE.empty:
          if (buffer[at] === CR) {
            if (++this.#emptyLines > bounds.emptyLines) return this.#refuse(state, 'empty_lines', at - start);
            state = STATE.emptyLf;
            at++;
            base = at;
          } else {
            base = at;
            state = STATE.startLine;
          }
          this.base = base - start;
          break;

        case STATE.emptyLf:
          if (buffer[at] !== LF) return this.#refuse(state, 'bare_cr', at - start);
          at++;
          base = at;
          this.base = base - start;
          state = STATE.empty;
          break;

        case STATE.startLine: {
          const allowed = bounds.startLine;
          const limit = base + bounds.startLineBytes;
          const until = Math.min(stop, limit);
          while (at < until && allowed[buffer[at]!] === 1) at++;
          if (at >= stop) break;
          if (buffer[at] !== CR) {
            return this.#refuse(state, at >= limit ? 'start_line_too_long' : odd(buffer[at]!), at - start);
          }
          this.startLineEnd = at - base;
          at++;
          state = STATE.startLf;
          break;
        }

        case STATE.startLf:
          if (buffer[at] !== LF) return this.#refuse(state, 'bare_cr', at - start);
          at++;
          this.#state = STATE.lineStart;
          this.#at = at - start;
          return SCANNED.startLine;

        case STATE.lineStart: {
          at = this.#soundLines(buffer, at, stop, base, bounds);
          const byte = buffer[at]!;
          if (byte === CR) {
            at++;
            state = STATE.lastLf;
            break;
          }
          if (isBlank(byte)) return this.#refuse(state, 'obs_fold', at - start);
          if (this.markCount >= 4 * bounds.fields) return this.#refuse(state, 'too_many_headers', at - start);
          this.#lineStart = at - base;
          state = STATE.name;
          break;
        }

        case STATE.name: {
          const nameStart = base + this.#lineStart;
          const limit = nameStart + Math.min(bounds.nameBytes, bounds.lineBytes);
          const until = Math.min(stop, limit);
          while (at < until && TOKEN[buffer[at]!] === 1) at++;
          if (at >= stop) break;
          const byte = buffer[at]!;
          if (byte !== COLON) {
            if (at >= limit && TOKEN[byte] === 1) {
              const tooLong =
                bounds.nameBytes <= bounds.lineBytes ? 'header_name_too_long' : 'header_line_too_long';
              return this.#refuse(state, tooLong, at - start);
            }
            return this.#refuse(state, oddInName(byte), at - start);
          }
          if (at === nameStart) return this.#refuse(state, 'empty_header_name', at - start);
          this.#mark(this.#lineStart, at - base);
          this.#boundLine(buffer, nameStart, at, bounds);
          at++;
          state = STATE.blanks;
          break;
        }

        case STATE.blanks: {
          while (at < stop && isBlank(buffer[at]!)) at++;
          if (at >= stop) break;
          this.#valueStart = at - base;
          state = STATE.value;
          break;
        }

        case STATE.value: {
          const valueLimit = this.#valueStart + bounds.valueBytes;
          const limit = base + Math.min(valueLimit, this.#lineLimit);
          const until = Math.min(stop, limit);
          while (at < until && FIELD_VALUE[buffer[at]!] === 1) at++;
          if (at >= stop) break;
          if (buffer[at] !== CR) {
            if (at < limit) return this.#refuse(state, odd(buffer[at]!), at - start);
            const tooLong = valueLimit < this.#lineLimit ? 'header_value_too_long' : this.#lineProblem;
            return this.#refuse(state, tooLong, at - start);
          }
          // Blanks alone may exceed the line limit before the value begins.
          if (at - base > this.#lineLimit) return this.#refuse(state, this.#lineProblem, at - start);
          let valueEnd = at - base;
          while (valueEnd > this.#valueStart && isBlank(buffer[base + valueEnd - 1]!)) valueEnd--;
          this.#mark(this.#valueStart, valueEnd);
          at++;
          state = STATE.valueLf;
          break;
        }

        case STATE.valueLf:
          if (buffer[at] !== LF) return this.#refuse(state, 'bare_cr', at - start);
          at++;
          state = STATE.lineStart;
          break;

        default:
          if (buffer[at] !== LF) return this.#refuse(state, 'bare_cr', at - start);
          this.headBytes = at + 1 - base;
          return SCANNED.done;
      }
    }
  }

  /**
   * Takes complete, valid lines within all limits, and returns where the first other line begins, which the states
   * above then judge. Heads nearly always arrive whole; this saves a third of the scan of eight fields (620 → 410 ns).
   */
  #soundLines(buffer: Buffer, from: number, stop: number, base: number, bounds: ScanBounds): number {
    const marks = this.marks;
    const words = wordsOf(buffer);
    const lineBytes = Math.min(bounds.lineBytes, bounds.setCookieLineBytes);
    const room = 4 * bounds.fields;
    let start = from;
    let count = this.markCount;
    while (count < room) {
      let at = start;
      while (at < stop && TOKEN[buffer[at]!] === 1) at++;
      const nameEnd = at;
      if (at >= stop || buffer[at] !== COLON) break;
      if (nameEnd === start || nameEnd - start > bounds.nameBytes) break;
      at++;
      while (at < stop && isBlank(buffer[at]!)) at++;
      const valueStart = at;
      at = printableEnd(words, at, stop);
      while (at < stop && FIELD_VALUE[buffer[at]!] === 1) at++;
      // One more byte than CRLF must be there: the first of the next line.
      if (at + 2 >= stop || buffer[at] !== CR || buffer[at + 1] !== LF) break;
      if (at - valueStart > bounds.valueBytes || at - start > lineBytes) break;
      let valueEnd = at;
      while (valueEnd > valueStart && isBlank(buffer[valueEnd - 1]!)) valueEnd--;
      marks[count] = start - base;
      marks[count + 1] = nameEnd - base;
      marks[count + 2] = valueStart - base;
      marks[count + 3] = valueEnd - base;
      count += 4;
      start = at + 2;
    }
    this.markCount = count;
    return start;
  }

  #mark(start: number, end: number): void {
    this.marks[this.markCount] = start;
    this.marks[this.markCount + 1] = end;
    this.markCount += 2;
  }

  /** Sets the limit of this line, which depends on its name. */
  #boundLine(buffer: Buffer, nameStart: number, nameEnd: number, bounds: ScanBounds): void {
    const isCookie = bounds.setCookieLineBytes < bounds.lineBytes && isSetCookie(buffer, nameStart, nameEnd);
    this.#lineLimit = this.#lineStart + (isCookie ? bounds.setCookieLineBytes : bounds.lineBytes);
    this.#lineProblem = isCookie ? 'set_cookie_too_long' : 'header_line_too_long';
  }

  #refuse(state: number, problem: ScanProblem, at: number): Scanned {
    this.#state = state;
    this.problem = problem;
    this.#at = at;
    return SCANNED.refused;
  }
}

function odd(byte: number): ScanProblem {
  return byte === LF ? 'bare_lf' : 'control_byte';
}

function oddInName(byte: number): ScanProblem {
  if (byte === SPACE || byte === TAB) return 'space_before_colon';
  if (byte === LF) return 'bare_lf';
  return byte === CR ? 'missing_colon' : 'invalid_header_name';
}

const SET_COOKIE = 'set-cookie';

function isSetCookie(buffer: Buffer, from: number, to: number): boolean {
  if (to - from !== SET_COOKIE.length) return false;
  for (let i = 0; i < SET_COOKIE.length; i++) {
    if ((buffer[from + i]! | 0x20) !== SET_COOKIE.charCodeAt(i)) return false;
  }
  return true;
}
