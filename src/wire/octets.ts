/** Which bytes are allowed where: one table lookup per byte, no regular expression, no allocation. */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COMMA = 0x2c;
export const COLON = 0x3a;

const ALPHANUMERIC = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** RFC 9110 §5.6.2: tchar. */
export const TOKEN = octets(`!#$%&'*+-.^_\`|~${ALPHANUMERIC}`);

/** RFC 9110 §5.5: VCHAR, obs-text, SP and HTAB. No CR, LF, NUL or other control, no DEL. */
export const FIELD_VALUE = range(0x20, 0x7e, 0x80, 0xff, TAB, TAB);

/**
 * A request target. RFC 3986 allows fewer characters than all visible ASCII, but browsers send `|` and `{` unencoded.
 * No `#`: a fragment is not part of a target (RFC 9112 §3.2), and dropping it is the autocorrection that section warns
 * of.
 */
export const TARGET = range(0x21, 0x22, 0x24, 0x7e);

/** A request line before it is split. */
export const REQUEST_LINE = range(0x20, 0x7e);

/** A label of a registered name, as in DNS (RFC 9110 §4.2.1), plus the underscore seen in practice. */
export const HOST_NAME = octets(`-_${ALPHANUMERIC}`);

/** The value of a hex digit, or 255. */
export const HEX: Uint8Array = hexValues();

/** For configured fields: whether it may be written as a name. */
export function isFieldName(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text.length > 0;
}

/** For configured fields: whether it is a value that stays on its line and is read back unchanged. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (FIELD_VALUE[text.charCodeAt(i)] !== 1) return false;
  return !isBlank(text.charCodeAt(0)) && !isBlank(text.charCodeAt(text.length - 1));
}

export function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return text.length > 0;
}

/** The number of a decimal text; -1 if it is not one, or is above the safe integers. */
export function numberOf(digits: string): number {
  let value = 0;
  for (let i = 0; i < digits.length; i++) {
    const byte = digits.charCodeAt(i);
    if (byte < 0x30 || byte > 0x39) return -1;
    // Subtract first, so that the intermediate sum stays exact.
    value = value * 10 + (byte - 0x30);
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return digits.length > 0 ? value : -1;
}

/** Whether text equals a lower-case word, ignoring ASCII case. */
export function sameText(text: string, lower: string): boolean {
  if (text.length !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** Trims SP and HTAB only, as RFC 9110 §5.6.3 has it, unlike JavaScript's trim. */
export function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/**
 * After a framing value, a tab is whitespace to RFC 9112 §5.1 but part of the value to llhttp, which then does not
 * recognise `chunked`. So it is refused; fuzzing found this.
 */
export function hasTabBehind(head: string, valueEnd: number): boolean {
  for (let at = valueEnd; isBlank(head.charCodeAt(at)); at++) if (head.charCodeAt(at) === TAB) return true;
  return false;
}

function octets(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

function range(...bounds: number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < bounds.length; i += 2) table.fill(1, bounds[i], bounds[i + 1]! + 1);
  return table;
}

function hexValues(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 16; digit++) {
    const text = digit.toString(16);
    table[text.charCodeAt(0)] = digit;
    table[text.toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}
