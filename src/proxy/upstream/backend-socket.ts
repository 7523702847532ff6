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

  /** `isHeard`: whether unread bytes may be a response when a write fails. */
  constructor(options: SocketConstructorOpts, isHeard: () => boolean) {
    super(options);
    this.#isHeard = isHeard;
  }

  /** A write has failed; nothing more can be sent. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  override destroy(error?: NodeJS.ErrnoException): this {
    if (!this.#mayHear(error)) return super.destroy(error);
    this.#failure = error;
    return this;
  }

  // The kernel delivers what it has received, then an end or an error, so this wait always ends.
  #mayHear(error: NodeJS.ErrnoException | undefined): boolean {
    const isReset = error?.syscall === 'write' && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    return isReset && this.#failure === undefined && !this.destroyed && this.#isHeard();
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null || this.#failure === undefined) return super.push(chunk, encoding);
    // A reset after a FIN is EPIPE, one without is ECONNRESET. Node emits no `end` for a socket that has failed.
    if (this.#failure.code === 'EPIPE') this.emit('end');
    super.destroy(this.#failure);
    return false;
  }
}
