/**
 * A client's socket and how it is left: in good order, at once, or cut.
 *
 *   open ─▶ closing ─▶ closed
 *
 * Closing lingers: after our FIN, whatever the client still sends is dropped until it closes or time is up. An earlier
 * reset would destroy the response that it has not read yet (RFC 9112 §9.6).
 */
import { ClientSocket } from './client-socket.ts';

// 2 s: enough for a distant client to read the response and send its FIN; nginx waits up to 5 s.
const LINGER_MS = 2000;
// 10 KB: fits the initial congestion window (RFC 6928), so it is sent at once however slowly the client reads. Beyond
// it, bytes may be waiting in the kernel, and a reset, caused by a client that goes on sending, would lose them.
const FIRST_WINDOW_BYTES = 10_000;

export abstract class ClosingSocket extends ClientSocket {
  protected isClosing = false;

  /** Sends a FIN and waits a little for the client's. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.resumeAnyway();
    // A slow client may take long to read what was written; once that is sent, it has LINGER_MS.
    this.deadlineAt(this.context.now() + this.listener.settings.timeouts.bodyIdleMs);
    this.socket.end(() => this.deadlineAt(this.context.now() + LINGER_MS));
  }

  /** A client that announced its last request loses nothing if we close at once: its responses are on their way. */
  protected get mayLeaveAtOnce(): boolean {
    return this.pendingBytes === 0 && this.socket.bytesWritten <= FIRST_WINDOW_BYTES;
  }

  /** Closes without lingering. */
  protected leaveAtOnce(): void {
    this.isClosing = true;
    this.socket.destroy();
  }

  /** Closes so that a truncated response does not look complete. */
  protected leaveByReset(): void {
    this.isClosing = true;
    this.reset();
  }

  protected override timedOut(): void {
    if (this.isClosing) this.reset();
  }

  protected override closed(): void {
    this.isClosing = true;
  }
}
