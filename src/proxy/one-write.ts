/**
 * Writes that belong together leave together, from memory that is used again at once, unless the kernel did not take
 * all of it: then the rest keeps the memory, and the next write gets another. Nothing is allocated per write.
 */
import type { Socket } from 'node:net';

// 16 KiB: Node writes a string up to this size from the stack, without an allocation of its own.
export const SMALL_BYTES = 16_384;
// 128 KiB: a body held whole (64 KiB) or a read (64 KiB) with its head.
const SCRATCH_BYTES = 131_072;

export class OneWrite {
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  /** One character a byte. Long texts are not joined first: that would be one more copy. */
  texts(socket: Socket, head: string, rest: string): void {
    const length = head.length + rest.length;
    if (length <= SMALL_BYTES || length > SCRATCH_BYTES) {
      socket.write(head + rest, 'latin1');
      return;
    }
    this.#scratch.write(head, 'latin1');
    this.#scratch.write(rest, head.length, 'latin1');
    this.#send(socket, length);
  }

  /** Text, then a range of a buffer that stays its owner's, then text. */
  range(socket: Socket, text: string, buffer: Buffer, from: number, to: number, tail: string): void {
    const length = text.length + to - from + tail.length;
    if (length <= SMALL_BYTES || length > SCRATCH_BYTES) {
      socket.write(text + buffer.toString('latin1', from, to) + tail, 'latin1');
      return;
    }
    const scratch = this.#scratch;
    if (text !== '') scratch.write(text, 'latin1');
    buffer.copy(scratch, text.length, from, to);
    if (tail !== '') scratch.write(tail, length - tail.length, 'latin1');
    this.#send(socket, length);
  }

  #send(socket: Socket, length: number): void {
    socket.write(this.#scratch.subarray(0, length));
    if (socket.writableLength > 0) this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
