/** Remembers what the fields of a request say, for requests with the same fields. */
import { NO_FIELDS } from '../connection-field.ts';
import type { FieldLines } from '../field-lines.ts';
import type { Remembered } from '../known-heads.ts';
import type { Fields, RequestHead } from '../message.ts';
import type { ScanBounds } from '../scan-bounds.ts';
import { readExpect } from './expect-field.ts';
import { type RequestFields, spokenProtocols } from './request-fields.ts';

/** A copy of `meaning`: everything that the fields say for a request with this method and version. */
export class RememberedFields implements Remembered {
  readonly method: string;
  readonly version: 0 | 1;
  readonly bounds: ScanBounds;
  readonly host: string;
  readonly domain: string;
  readonly lines: FieldLines;
  readonly passing: string;
  readonly seen: number;
  readonly framing: 'none' | 'length' | 'chunked';
  readonly contentLength: number;
  readonly keepAlive: boolean;
  readonly nominated: Fields;
  readonly expectContinue: boolean;
  readonly upgrade: string;
  readonly maxForwards: number;

  constructor(
    meaning: RequestFields,
    lines: FieldLines,
    passing: string,
    seen: number,
    method: string,
    version: 0 | 1,
    domain: string,
    bounds: ScanBounds,
  ) {
    const length = meaning.lengthBytes;
    this.method = method;
    this.version = version;
    this.bounds = bounds;
    this.host = meaning.host;
    this.domain = domain;
    this.lines = lines;
    this.passing = passing;
    this.seen = seen;
    this.framing = meaning.chunked ? 'chunked' : length > 0 ? 'length' : 'none';
    this.contentLength = length;
    // RFC 9112 §9.3: close wins; 1.1 persists by default, 1.0 only when it says so.
    this.keepAlive = !meaning.close && (version === 1 || meaning.keepAlive);
    this.nominated = meaning.nominated ?? NO_FIELDS;
    // RFC 9110 §10.1.1: an expectation in an HTTP/1.0 request is ignored.
    this.expectContinue = version === 1 && meaning.expect !== '' && readExpect(meaning.expect) === 'continue';
    this.upgrade = version === 1 && meaning.upgrade ? spokenProtocols(meaning.protocols) : '';
    this.maxForwards = meaning.maxForwards(method);
  }

  isAs(other: RememberedFields): boolean {
    return this.method === other.method && this.version === other.version && this.bounds === other.bounds;
  }
}

export class ReadRequest implements RequestHead {
  readonly type = 'request';
  readonly said: RememberedFields;
  readonly requestLine: string;
  readonly target: string;
  readonly end: number;

  constructor(said: RememberedFields, requestLine: string, target: string, end: number) {
    this.said = said;
    this.requestLine = requestLine;
    this.target = target;
    this.end = end;
  }

  get method(): string {
    return this.said.method;
  }

  get version(): 0 | 1 {
    return this.said.version;
  }

  get host(): string {
    return this.said.host;
  }

  get domain(): string {
    return this.said.domain;
  }

  get fields(): Fields {
    return this.said.lines.fields;
  }

  get passing(): string {
    return this.said.passing;
  }

  get seen(): number {
    return this.said.seen;
  }

  get framing(): 'none' | 'length' | 'chunked' {
    return this.said.framing;
  }

  get contentLength(): number {
    return this.said.contentLength;
  }

  get keepAlive(): boolean {
    return this.said.keepAlive;
  }

  get nominated(): Fields {
    return this.said.nominated;
  }

  get expectContinue(): boolean {
    return this.said.expectContinue;
  }

  get upgrade(): string {
    return this.said.upgrade;
  }

  get maxForwards(): number {
    return this.said.maxForwards;
  }
}
