/**
 * The memory for reads: one scratch buffer per side for all connections of a worker, whose bytes are copied out
 * before the read returns, and leased buffers for large bodies, which are written on without a copy.
 */

// 64 KiB: what libuv asks for, and a socket seldom has more at once.
const READ_BYTES = 65_536;
// 15 KiB: 16 with room for a head.
const FIRST_READ_BYTES = 15_360;
// A scratch buffer read full. From here on a read buffer of its own saves a copy worth more than it costs.
export const LARGE_BYTES = FIRST_READ_BYTES;
// 64: 4 MiB of idle memory at most.
const SPARE = 64;

export class ReadBuffers {
  /** From clients: a request with a body of 16 KiB in one read. */
  readonly fromClients = Buffer.allocUnsafeSlow(READ_BYTES);
  /**
   * From backends: what fits with its head into one string that Node writes from the stack. A response of 64 KiB read
   * into a scratch of 64 KiB had to be copied whole, and cost 114 µs; now it is leased from the second read on: 51.
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
