/**
 * A plain reading of RFC 9112 as bytes come, for both sides of the soak: it shares no line with the code under test.
 *
 *   head ─▶ sized | chunk line ─▶ chunk … ─▶ trailers | until the end | raw, behind an upgrade
 */
export type Head = { readonly line: string; readonly fields: ReadonlyMap<string, string> };
export type Framing = number | 'chunked' | 'until-end' | 'raw';

export interface MessageEvents {
  /** Returns how what follows is framed; 0: nothing does. */
  head(head: Head): Framing;
  body(bytes: Buffer): void;
  end(trailers: readonly string[]): void;
  /** What came is no message; nothing more is read. */
  broken(why: string): void;
}

type State = 'head' | 'sized' | 'chunk-line' | 'chunk' | 'trailers' | 'until-end' | 'raw' | 'broken';

const MOST_LINE = 1_200_000;

export class MessageReader {
  readonly #events: MessageEvents;
  #state: State = 'head';
  #rest: Buffer = Buffer.alloc(0);
  #left = 0;
  #trailers: string[] = [];

  constructor(events: MessageEvents) {
    this.#events = events;
  }

  /** Between two messages, without a byte of the next. */
  get isIdle(): boolean {
    return this.#state === 'head' && this.#rest.length === 0;
  }

  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#step());
  }

  /** The connection has ended: true if that is where the message may end. */
  finish(): boolean {
    if (this.#state !== 'until-end') return this.isIdle || this.#state === 'raw';
    this.#over([]);
    return true;
  }

  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#head();
      case 'sized':
      case 'chunk':
        return this.#counted();
      case 'chunk-line':
        return this.#chunkLine();
      case 'trailers':
        return this.#trailer();
      case 'broken':
        return false;
      default:
        return this.#pass(this.#rest.length);
    }
  }

  #head(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return this.#waits();
    const [line = '', ...lines] = this.#rest.toString('latin1', 0, end).split('\r\n');
    this.#rest = this.#rest.subarray(end + 4);
    const framing = this.#events.head({ line, fields: fieldsOf(lines) });
    if (framing === 'chunked') this.#state = 'chunk-line';
    else if (framing === 'until-end' || framing === 'raw') this.#state = framing;
    else if (framing === 0) this.#over([]);
    else this.#count('sized', framing);
    return true;
  }

  #count(state: 'sized' | 'chunk', length: number): void {
    this.#state = state;
    this.#left = length;
  }

  #counted(): boolean {
    if (this.#left > 0) return this.#pass(Math.min(this.#left, this.#rest.length));
    if (this.#state === 'sized') {
      this.#over([]);
      return true;
    }
    if (this.#rest.length < 2) return false;
    if (this.#rest.toString('latin1', 0, 2) !== '\r\n') return this.#break('no line end behind a chunk');
    this.#rest = this.#rest.subarray(2);
    this.#state = 'chunk-line';
    return true;
  }

  #chunkLine(): boolean {
    const line = this.#line();
    if (line === undefined) return this.#waits();
    const size = /^[0-9a-fA-F]+/.exec(line)?.[0];
    if (size === undefined) return this.#break(`a chunk begins with ${JSON.stringify(line.slice(0, 80))}`);
    if (Number.parseInt(size, 16) === 0) this.#state = 'trailers';
    else this.#count('chunk', Number.parseInt(size, 16));
    return true;
  }

  #trailer(): boolean {
    const line = this.#line();
    if (line === undefined) return this.#waits();
    if (line !== '') this.#trailers.push(line);
    else this.#over(this.#trailers);
    return true;
  }

  #line(): string | undefined {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0) return undefined;
    const line = this.#rest.toString('latin1', 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    return line;
  }

  #pass(length: number): boolean {
    if (length === 0) return false;
    this.#left -= length;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#events.body(bytes);
    return true;
  }

  // The state first: whoever is told may ask whether we are idle.
  #over(trailers: readonly string[]): void {
    this.#state = 'head';
    this.#trailers = [];
    this.#events.end(trailers);
  }

  #waits(): boolean {
    return this.#rest.length > MOST_LINE && this.#break('a line without end');
  }

  #break(why: string): false {
    this.#state = 'broken';
    this.#events.broken(why);
    return false;
  }
}

/** Names in lower case; repeated fields joined by comma and blank. */
function fieldsOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** What RFC 9112 §6.3 makes of a response's fields. */
export function responseFraming(status: number, method: string, head: Head): Framing {
  if (status === 101) return 'raw';
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0;
  return bodyFraming(head) ?? 'until-end';
}

/** Undefined: neither a length nor a coding. */
export function bodyFraming({ fields }: Head): number | 'chunked' | undefined {
  if (fields.get('transfer-encoding') === 'chunked') return 'chunked';
  const length = fields.get('content-length');
  return length === undefined ? undefined : Number(length);
}
