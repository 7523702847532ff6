/**
 * Checks a chunk extension byte by byte (RFC 9112 §7.1.1), and drops it: *( ";" name [ "=" value ] ). Whitespace,
 * which that grammar calls bad, is refused, and so is a bare LF: smuggling hides in extensions with these.
 */
import { isBlank, TOKEN } from '../octets.ts';

const AT = { nameStart: 0, name: 1, valueStart: 2, value: 3, quoted: 4, escaped: 5, closed: 6 } as const;

/** The state behind the first semicolon. */
export const EXTENSION_START: number = AT.nameStart;
/** The byte is not allowed there. */
export const EXTENSION_BROKEN = -1;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export function afterExtensionByte(state: number, byte: number): number {
  switch (state) {
    case AT.nameStart:
      return TOKEN[byte] === 1 ? AT.name : EXTENSION_BROKEN;
    case AT.name:
      if (TOKEN[byte] === 1) return AT.name;
      return byte === EQUALS ? AT.valueStart : nextExtension(byte);
    case AT.valueStart:
      if (TOKEN[byte] === 1) return AT.value;
      return byte === QUOTE ? AT.quoted : EXTENSION_BROKEN;
    case AT.value:
      return TOKEN[byte] === 1 ? AT.value : nextExtension(byte);
    case AT.quoted:
      if (byte === QUOTE) return AT.closed;
      if (byte === BACKSLASH) return AT.escaped;
      return isText(byte) ? AT.quoted : EXTENSION_BROKEN;
    case AT.escaped:
      return isText(byte) ? AT.quoted : EXTENSION_BROKEN;
    default:
      return nextExtension(byte);
  }
}

/** Whether a size line may end in this state. */
export function mayEndExtension(state: number): boolean {
  return state === AT.name || state === AT.value || state === AT.closed;
}

function nextExtension(byte: number): number {
  return byte === SEMICOLON ? AT.nameStart : EXTENSION_BROKEN;
}

/** RFC 9110 §5.6.4 without obs-text, which nobody needs here. */
function isText(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || isBlank(byte);
}
