/**
 * Combines writes that belong together into one, in memory that is reused at once, unless the kernel did not take
 * everything: then the rest keeps the memory, and the next write gets another. Nothing is allocated per write.
 */
import type { Socket } from 'node:net';

// 16 KiB: Node writes a string up to this size from the stack, without an allocation of its own.
export const SMALL_BYTES = 16_384;
// 1 KiB: up to here a string is as fast; as strings, 4 KiB cost 0.4 µs more than a copy, 15 KiB 1.9 µs, and garbage.
const STRING_BYTES = 1024;
// 128 KiB: a held body (64 KiB) or a read (64 KiB), with its head.
const SCRATCH_BYTES = 131_072;

export class OneWrite {
  // Two sizes, so that a small write to a slow client keeps little memory.
  #small = Buffer.allocUnsafeSlow(SMALL_BYTES);
  #large = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  /** Latin-1, one byte per character. Long texts are not concatenated first, which would be one more copy. */
  texts(socket: Socket, head: string, rest: string): void {
    const length = head.length + rest.length;
    if (isString(socket, length)) {
      socket.write(head + rest, 'latin1');
      return;
    }
    const scratch = this.#scratch(length);
    scratch.write(head, 'latin1');
    scratch.write(rest, head.length, 'latin1');
    this.#send(socket, scratch, length);
  }

  /** Text, then a range of a buffer that still belongs to its owner, then text. */
  range(socket: Socket, text: string, buffer: Buffer, from: number, to: number, tail: string): void {
    const length = text.length + to - from + tail.length;
    if (isString(socket, length)) {
      socket.write(text + buffer.toString('latin1', from, to) + tail, 'latin1');
      return;
    }
    const scratch = this.#scratch(length);
    if (text !== '') scratch.write(text, 'latin1');
    buffer.copy(scratch, text.length, from, to);
    if (tail !== '') scratch.write(tail, length - tail.length, 'latin1');
    this.#send(socket, scratch, length);
  }

  #scratch(length: number): Buffer {
    return length <= SMALL_BYTES ? this.#small : this.#large;
  }

  #send(socket: Socket, scratch: Buffer, length: number): void {
    socket.write(scratch.subarray(0, length));
    if (socket.writableLength === 0) return;
    if (scratch === this.#small) this.#small = Buffer.allocUnsafeSlow(SMALL_BYTES);
    else this.#large = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}

/** Behind pending bytes a small write waits too, so it goes as a string, in memory of its own size. */
function isString(socket: Socket, length: number): boolean {
  if (length <= STRING_BYTES || length > SCRATCH_BYTES) return true;
  return length <= SMALL_BYTES && socket.writableLength > 0;
}
