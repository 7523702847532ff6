/**
 * The memory that reads from backends go to: one scratch buffer for all connections of a worker, whose bytes are
 * copied out before the read returns, and leased ones for large bodies, which are written on as they are.
 */

// 64 KiB: what libuv asks for, and a socket seldom has more at once.
export const READ_BYTES = 65_536;
// 64: 4 MiB of idle memory at most.
const SPARE = 64;

export class ReadBuffers {
  readonly scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  giveBack(buffer: Buffer): void {
    if (this.#spare.length < SPARE) this.#spare.push(buffer);
  }
}
