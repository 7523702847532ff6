/**
 * The requests of one worker in the supervision tree: one line with their number; chaos makes them fail one at a
 * time.
 */
import {
  type ActorInfo,
  type Branch,
  type Census,
  type Counts,
  type CrashAnswer,
  noCounts,
  type Placed,
} from '../../../actors/index.ts';

/** The thread that has the requests. */
export interface Requests {
  /** Their number, a moment ago. */
  readonly inFlight: number;
  /** Crashes a request in progress, or else the next one. */
  crashRequest(error: Error): void;
}

export class RequestsBranch implements Branch {
  readonly #id: string;
  readonly #serving: () => Requests | undefined;
  readonly #sinceMs: number;

  constructor(worker: number, serving: () => Requests | undefined, sinceMs: number) {
    this.#id = `requests:${worker}`;
    this.#serving = serving;
    this.#sinceMs = sinceMs;
  }

  childFrom(place: number): Placed | undefined {
    return place > 0 ? undefined : { place: 0, info: this.#info() };
  }

  find(id: string): ActorInfo | undefined {
    return id === this.#id ? this.#info() : undefined;
  }

  crashChild(id: string, error: Error): CrashAnswer {
    if (id !== this.#id) return 'unknown';
    const thread = this.#serving();
    thread?.crashRequest(error);
    return thread === undefined ? 'not_running' : 'crashed';
  }

  counts(): Counts {
    return { ...noCounts(), running: 1 };
  }

  countIn(census: Census): void {
    census.count('request', 'running', 0);
  }

  /** Requests are not restarted: one that crashed is over. */
  #info(): ActorInfo {
    const children = { ...noCounts(), running: this.#serving()?.inFlight ?? 0 };
    return {
      id: this.#id,
      kind: 'request',
      state: 'running',
      restarts: 0,
      sinceMs: this.#sinceMs,
      children,
    };
  }
}
