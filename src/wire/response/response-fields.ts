/** What the fields of a response say together: its framing, and whether the connection may be kept. */
import { type ConnectionOptions, readConnection } from '../connection-field.ts';
import { FIELD, type FieldKind } from '../field-name.ts';
import type { Framing } from '../message.ts';
import { hasTabBehind, isBlank, numberOf, sameText } from '../octets.ts';
import type { ResponseRefusalReason } from '../refusal.ts';

type Problem = ResponseRefusalReason | undefined;

/** Filled field by field; reused for the next head. */
export class ResponseFields implements ConnectionOptions {
  length = '';
  /** The parsed length; -1: there is none. */
  lengthBytes = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  nominated: string[] | undefined;
  protocols = '';

  clear(): void {
    this.length = '';
    this.lengthBytes = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nominated = undefined;
    this.protocols = '';
  }

  /** Takes one non-ordinary field, from its marks in the head. */
  note(
    kind: FieldKind,
    head: string,
    nameStart: number,
    valueStart: number,
    valueEnd: number,
    version: 0 | 1,
  ): Problem {
    switch (kind) {
      case FIELD.contentLength:
        if (!isReal(head, nameStart + 'content'.length)) return 'bad_header';
        // Behaviour 103: nothing may follow the last digit of a length, not even blanks.
        return isBlank(head.charCodeAt(valueEnd))
          ? 'invalid_content_length'
          : this.#noteLength(head.slice(valueStart, valueEnd));
      case FIELD.transferEncoding:
        if (!isReal(head, nameStart + 'transfer'.length)) return 'bad_header';
        return hasTabBehind(head, valueEnd)
          ? 'invalid_transfer_encoding'
          : this.#noteCoding(head.slice(valueStart, valueEnd), version);
      case FIELD.connection:
        return readConnection(head.slice(valueStart, valueEnd), this) ? undefined : 'invalid_connection';
      case FIELD.upgrade: {
        const value = head.slice(valueStart, valueEnd);
        this.protocols = this.protocols === '' ? value : `${this.protocols}, ${value}`;
        return undefined;
      }
      default:
        return undefined;
    }
  }

  /** RFC 9112 §6.3, in its order. */
  framingOf(status: number, requestMethod: string): Framing {
    if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
    if (this.chunked) return 'chunked';
    if (this.lengthBytes < 0) return 'close';
    return this.lengthBytes > 0 ? 'length' : 'none';
  }

  #noteLength(value: string): Problem {
    const bytes = numberOf(value);
    if (bytes < 0) return 'invalid_content_length';
    if (this.chunked) return 'length_and_transfer_encoding';
    if (this.length !== '' && value !== this.length) return 'invalid_content_length';
    this.length = value;
    this.lengthBytes = bytes;
    return undefined;
  }

  /**
   * RFC 9112 §6.1: a transfer coding in an HTTP/1.0 response is faulty framing, and so is chunked twice. Chunked with a
   * Content-Length is refused although chunked would win, because response splitting looks like that.
   */
  #noteCoding(value: string, version: 0 | 1): Problem {
    if (version === 0 || this.chunked || !sameText(value, 'chunked')) return 'invalid_transfer_encoding';
    if (this.length !== '') return 'length_and_transfer_encoding';
    this.chunked = true;
    return undefined;
  }
}

/** False for a framing field spelt with an underscore, which is as confusable as in a request. */
function isReal(head: string, dash: number): boolean {
  return head.charCodeAt(dash) === 0x2d;
}
