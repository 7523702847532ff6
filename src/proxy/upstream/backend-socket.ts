/**
 * A socket to a backend that is read to its end. If a backend stops reading an upload, answers, closes and so resets,
 * a write fails while the answer is still unread, and Node would close the socket at once: this one is closed when
 * all received bytes were read.
 *
 *   open ─▶ failed (reads go on) ─▶ closed
 */
import { Socket, type SocketConstructorOpts } from 'node:net';

export class BackendSocket extends Socket {
  readonly #isHeard: () => boolean;
  #failure: NodeJS.ErrnoException | undefined;

  /** `isHeard`: whether what was not read yet, where a write fails, may be an answer. */
  constructor(options: SocketConstructorOpts, isHeard: () => boolean) {
    super(options);
    this.#isHeard = isHeard;
  }

  /** A write has failed: nothing that is written leaves any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  override destroy(error?: NodeJS.ErrnoException): this {
    if (!this.#mayHear(error)) return super.destroy(error);
    this.#failure = error;
    return this;
  }

  // The system gives what it has, and then an end or an error, so that this waits for nobody.
  #mayHear(error: NodeJS.ErrnoException | undefined): boolean {
    const isReset = error?.syscall === 'write' && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    return isReset && this.#failure === undefined && !this.destroyed && this.#isHeard();
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null || this.#failure === undefined) return super.push(chunk, encoding);
    // A reset after a FIN is EPIPE, one without is ECONNRESET. Node tells no end of a socket that has failed.
    if (this.#failure.code === 'EPIPE') this.emit('end');
    super.destroy(this.#failure);
    return false;
  }
}
