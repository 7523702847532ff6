/** As much of RFC 6455 as an echo needs: frames of at most 125 bytes, masked from the client, whole or in pieces. */

export type Direction = 'masked' | 'plain';

export const HANDSHAKE_END = '\r\n\r\n';
// RFC 6455 §1.3: the example's own key and answer; nobody between us looks at them.
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const LARGEST = 65_535;
const SHORT = 125;

export function frame(bytes: number, direction: Direction): Buffer {
  if (bytes > LARGEST) throw new RangeError(`expected at most ${LARGEST} bytes, found ${bytes}`);
  const length = bytes > SHORT ? Buffer.from([126, bytes >> 8, bytes & 0xff]) : Buffer.from([bytes]);
  if (direction === 'masked') length[0] = (length[0] ?? 0) | 0x80;
  // A mask of zeros is a mask, and leaves the bytes as they are.
  const mask = direction === 'masked' ? Buffer.alloc(4) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from([0x82]), length, mask, Buffer.alloc(bytes, 'x')]);
}

export function frameBytes(bytes: number, direction: Direction): number {
  return 2 + (bytes > SHORT ? 2 : 0) + (direction === 'masked' ? 4 : 0) + bytes;
}
