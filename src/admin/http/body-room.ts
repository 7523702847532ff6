/**
 * Limits how much of large bodies is held at once: further senders wait, unread, until earlier ones are done. The
 * bodies of ordinary commands are small and never wait.
 */
import { Refused } from './problem.ts';

const MIB = 1024 * 1024;
// Compared one after the other, large bodies are done as soon as when compared all at once, in less memory.
const MOST_BYTES = 16 * MIB;
const SMALL_BYTES = MIB;
// Longer than the largest body takes to be compared and carried out, even on a busy machine.
const PATIENCE_MS = 120_000;

type Waiting = { readonly bytes: number; readonly enter: () => void };

export class BodyRoom {
  readonly #patienceMs: number;
  #held = 0;
  readonly #waiting: Waiting[] = [];

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /**
   * Waits until there is room for this many bytes, or no other body is held; in order of the calls. The result releases
   * the room; it may be disposed of twice. Rejects with `Refused` if that takes too long, and with the reason of
   * `signal`.
   */
  async enter(bytes: number, signal: AbortSignal): Promise<Disposable> {
    if (bytes <= SMALL_BYTES) return { [Symbol.dispose]: () => {} };
    await this.#turn(bytes, signal);
    let isHeld = true;
    const letGo = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#held -= bytes;
      this.#admit();
    };
    // The caller may have left in the same tick in which it was admitted; nothing else would release its room.
    if (signal.aborted) letGo();
    signal.throwIfAborted();
    return { [Symbol.dispose]: letGo };
  }

  async #turn(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { bytes, enter: resolve };
    this.#waiting.push(waiting);
    this.#admit();
    const leave = (reason: unknown) => {
      const at = this.#waiting.indexOf(waiting);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      reject(reason);
      // The next in line may be smaller and fit.
      this.#admit();
    };
    const onAbort = () => leave(signal.reason);
    signal.addEventListener('abort', onAbort);
    const timer = setTimeout(() => leave(noRoom(this.#patienceMs)), this.#patienceMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #admit(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      if (this.#held > 0 && this.#held + first.bytes > MOST_BYTES) return;
      this.#waiting.shift();
      this.#held += first.bytes;
      first.enter();
    }
  }
}

function noRoom(waitedMs: number): Refused {
  const expected = `expected at most ${MOST_BYTES} bytes of large bodies to be under way`;
  return new Refused(
    'too_much_under_way',
    `${expected}, found no room for this one in ${waitedMs / 1000} s`,
    {
      headers: { 'retry-after': '5', connection: 'close' },
    },
  );
}
