/** The trailer lines after a last chunk, collected until complete: they are few, rare and bounded. */
import { FIELD, fieldKind } from '../field-name.ts';
import { HeadScan, SCANNED } from '../head-scan.ts';
import type { TrailerLimits } from '../message.ts';
import { FIELD_VALUE } from '../octets.ts';
import { type BodyRefusal, shown } from '../refusal.ts';
import { type ScanBounds, type ScanProblem, UNBOUNDED } from '../scan-bounds.ts';

const FIRST_BYTES = 512;
const LAST_CRLF_BYTES = 2;

export class TrailerSection {
  /** Flat; filled when the section is complete. */
  readonly fields: string[] = [];
  refusal: BodyRefusal | undefined = undefined;
  isDone = false;

  readonly #bounds: ScanBounds;
  readonly #scan = new HeadScan();
  #held: Buffer;
  #heldBytes = 0;

  constructor(limits: TrailerLimits) {
    this.#bounds = {
      emptyLines: 0,
      startLineBytes: 0,
      startLine: FIELD_VALUE,
      nameBytes: limits.headerNameBytes,
      valueBytes: limits.headerValueBytes,
      lineBytes: UNBOUNDED,
      setCookieLineBytes: UNBOUNDED,
      fields: limits.headers,
      headBytes: limits.trailerBytes + LAST_CRLF_BYTES,
    };
    this.#held = Buffer.allocUnsafe(Math.min(FIRST_BYTES, this.#bounds.headBytes));
    this.#scan.reset(true);
  }

  /** Takes bytes; returns the index of the first that does not belong to the section. */
  take(buffer: Buffer, from: number, end: number): number {
    const before = this.#heldBytes;
    // The scan refuses a section that fills this limit without an end.
    const taken = Math.min(end - from, this.#bounds.headBytes - before);
    this.#hold(buffer, from, taken);
    const scanned = this.#scan.scan(this.#held, 0, this.#heldBytes, this.#bounds);
    if (scanned === SCANNED.done) {
      this.#understand();
      return from + this.#scan.headBytes - before;
    }
    if (scanned === SCANNED.refused) this.#refuse(this.#scan.problem, this.#around());
    return from + taken;
  }

  #hold(buffer: Buffer, from: number, bytes: number): void {
    const needed = this.#heldBytes + bytes;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(this.#bounds.headBytes, Math.max(needed, 2 * this.#held.length)),
      );
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    buffer.copy(this.#held, this.#heldBytes, from, from + bytes);
    this.#heldBytes = needed;
  }

  #understand(): void {
    const text = this.#held.toString('latin1', 0, this.#scan.headBytes);
    const { marks, markCount } = this.#scan;
    for (let i = 0; i < markCount; i += 4) {
      const name = text.slice(marks[i], marks[i + 1]);
      if (isForbidden(name)) {
        this.#refuse('bad_trailer', `${name} may not be a trailer`);
        return;
      }
      this.fields.push(name, text.slice(marks[i + 2], marks[i + 3]));
    }
    this.isDone = true;
  }

  #around(): string {
    const at = this.#scan.scanned;
    return `at byte ${at}, found ${shown(this.#held.toString('latin1', at, Math.min(at + 1, this.#heldBytes)))}`;
  }

  #refuse(problem: ScanProblem | 'bad_trailer', detail: string): void {
    const isSize = SIZE_PROBLEMS.has(problem);
    this.refusal = {
      type: 'refused',
      status: isSize ? 431 : 400,
      reason: isSize ? 'trailers_too_large' : 'bad_trailer',
      detail: `${problem} ${detail}`,
    };
  }
}

const SIZE_PROBLEMS: ReadonlySet<string> = new Set<ScanProblem>([
  'head_too_large',
  'too_many_headers',
  'header_name_too_long',
  'header_value_too_long',
]);

/**
 * RFC 9110 §6.5.1: no fields for framing, routing or one hop. A backend that merges trailers into its header fields
 * would otherwise learn another length or host afterwards.
 */
function isForbidden(name: string): boolean {
  switch (fieldKind(name)) {
    case FIELD.host:
    case FIELD.contentLength:
    case FIELD.transferEncoding:
    case FIELD.connection:
    case FIELD.keepAlive:
    case FIELD.proxyConnection:
    case FIELD.proxyAuthorization:
    case FIELD.te:
    case FIELD.trailer:
    case FIELD.upgrade:
    case FIELD.expect:
    case FIELD.maxForwards:
      return true;
    default:
      return false;
  }
}
