/**
 * The memory for reads: one scratch buffer per side for all connections of a worker, whose bytes are copied out
 * before the read returns, and leased buffers for large bodies, which are written on without a copy.
 */

// 64 KiB: what libuv asks for; a socket seldom has more at once.
const READ_BYTES = 65_536;
// 15 KiB: with a head it stays within 16 KiB.
const FIRST_READ_BYTES = 15_360;
// A full scratch buffer: from this size on a leased buffer costs less than the copy it saves.
export const LARGE_BYTES = FIRST_READ_BYTES;
// 64: 4 MiB of idle memory at most.
const SPARE = 64;

export class ReadBuffers {
  /** From clients: a request with a body of 16 KiB in one read. */
  readonly fromClients = Buffer.allocUnsafeSlow(READ_BYTES);
  /**
   * From backends: with its head, what fits into one string that Node writes from the stack. A response of 64 KiB took
   * 114 µs when it was read into 64 KiB of scratch and copied; leased from the second read on, it takes 51.
   */
  readonly fromBackends = Buffer.allocUnsafeSlow(FIRST_READ_BYTES);
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  giveBack(buffer: Buffer): void {
    if (this.#spare.length < SPARE) this.#spare.push(buffer);
  }
}
