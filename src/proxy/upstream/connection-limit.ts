/**
 * The limit on connections to backends, over all routing threads together. Whoever takes the last file descriptor takes it
 * from the admin API, the journal and the log, so there is a limit below that.
 */
import type { Headcount } from '../headcount.ts';

// Host names contain no blanks, so this name cannot equal a domain's.
const NAME = 'to backends';
// Idle connections of one thread are in the way of another, which cannot close them: each does so in time.
const SCARCE = 0.75;

export class ConnectionLimit {
  readonly #headcount: Headcount;
  /** 0: any number. */
  readonly #most: number;
  readonly #closeIdle: () => void;

  /** `closeIdle`: closes this thread's idle connections, which leave while it runs. */
  constructor(headcount: Headcount, most: number, closeIdle: () => void) {
    this.#headcount = headcount;
    this.#most = most;
    this.#closeIdle = closeIdle;
  }

  /** False: there is none, not even without idle connections. Every successful `enter` needs a `leave`. */
  enter(): boolean {
    if (this.#most === 0 || this.#headcount.enter(NAME, this.#most)) return true;
    this.#closeIdle();
    return this.#headcount.enter(NAME, this.#most);
  }

  /** To be called now and then: closes this thread's idle connections where room is scarce for all. */
  tidy(): void {
    if (this.#most > 0 && this.#headcount.present(NAME) > SCARCE * this.#most) this.#closeIdle();
  }

  leave(): void {
    if (this.#most > 0) this.#headcount.leave(NAME);
  }
}

/** As the system says it where there is no descriptor left. */
export function connectionLimitReached(): NodeJS.ErrnoException {
  return Object.assign(new Error('as many connections to backends are open as ulimit -n leaves room for'), {
    code: 'EMFILE',
  });
}
