/**
 * A client's socket and how it is left: in good order, at once, or cut.
 *
 *   open ─▶ closing ─▶ closed
 *
 * Closing lingers: our FIN has gone, what the client still sends is dropped, until it has closed or time is up; a
 * reset before would take away the answer it has not read yet (RFC 9112 §9.6).
 */
import { ClientSocket } from './client-socket.ts';

// 2 s: a client far away reads an answer and sends its FIN within it; nginx waits 5 s for more.
const LINGER_MS = 2000;
// 10 KB: so much leaves a system at once, whoever reads how slowly (RFC 6928). More may wait in it, and a client that sends on
// all the same would lose that by a reset.
const FIRST_WINDOW_BYTES = 10_000;

export abstract class ClosingSocket extends ClientSocket {
  protected isClosing = false;

  /** Says goodbye and waits a little for the client's. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.resumeAnyway();
    // A slow client may take long over what is written; once it has left us, a little.
    this.deadlineAt(this.context.now() + this.listener.settings.timeouts.bodyIdleMs);
    this.socket.end(() => this.deadlineAt(this.context.now() + LINGER_MS));
  }

  /** Of a client that promised to send nothing more nothing is lost by closing at once: its answers are on their way already. */
  protected get mayLeaveAtOnce(): boolean {
    return this.pendingBytes === 0 && this.socket.bytesWritten <= FIRST_WINDOW_BYTES;
  }

  /** Whoever is there hears no more of us than that it is over. */
  protected leaveAtOnce(): void {
    this.isClosing = true;
    this.socket.destroy();
  }

  /** Nothing of it is to look whole. */
  protected leaveByReset(): void {
    this.isClosing = true;
    this.reset();
  }

  protected override drained(): void {
    if (this.isClosing) this.deadlineAt(this.context.now() + this.listener.settings.timeouts.bodyIdleMs);
  }

  protected override timedOut(): void {
    if (this.isClosing) this.reset();
  }

  protected override closed(): void {
    this.isClosing = true;
  }
}
