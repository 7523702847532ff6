/** What everybody saw of each request: the client that asked, the backends that were asked, the log that told of it. */
import type { Answer, Request } from './plan.ts';

/** A request as one backend got it. */
export type Attempt = {
  readonly backend: string;
  readonly pool: string;
  readonly answer: Answer;
  /** Of its body, and of what came up. */
  readonly key: string;
  readonly atMs: number;
  /** The whole answer was written. */
  isAnswered: boolean;
  /** Bytes of the body that were written, or were to be. */
  sent: number;
};

export type Got = {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer[];
  /** Heads before this one. */
  readonly interim: readonly number[];
  trailers: readonly string[];
  isWhole: boolean;
};

// Of an operation; an `apply` has all that is in force.
const MOST_TOLD = 500;

export type Logged = { readonly code: string; readonly outcome: string; readonly status: number };

export type Asked = {
  readonly request: Request;
  /** Fields that its backends must get, by name in lower case. */
  readonly identity: ReadonlyMap<string, string>;
  /** Of `loyal`, if its client had one. */
  readonly cookie: string | undefined;
  readonly attempts: Attempt[];
  readonly logged: Logged[];
  /** The head was on its way. */
  sentAtMs: number;
  overAtMs: number;
  got: Got | undefined;
};

export class Book {
  readonly asked = new Map<string, Asked>();
  readonly complaints: string[] = [];
  readonly #operations: string[] = [];
  readonly #began = performance.now();

  open(request: Request, identity: Asked['identity'], cookie: string | undefined): Asked {
    const asked: Asked = {
      request,
      identity,
      cookie,
      attempts: [],
      logged: [],
      sentAtMs: performance.now(),
      overAtMs: -1,
      got: undefined,
    };
    this.asked.set(request.id, asked);
    return asked;
  }

  complain(text: string): void {
    if (this.complaints.length > 1000) return;
    this.complaints.push(`${this.#seconds()} ${text}`);
    if (this.complaints.length > 20) return;
    console.error(`${this.#seconds()} ${text}`);
    if (this.complaints.length === 1) console.error(`last operations:\n${this.#operations.join('\n')}`);
  }

  /** An operation of the control plane; the last ones are shown with the first complaint. */
  note(operation: string): void {
    this.#operations.push(`${this.#seconds()} ${operation.slice(0, MOST_TOLD)}`);
    if (this.#operations.length > 30) this.#operations.shift();
  }

  #seconds(): string {
    return `${((performance.now() - this.#began) / 1000).toFixed(3)} s`;
  }
}

/** When something was so that explains what else would be a fault. */
export class Moments {
  readonly #spans: { readonly what: string; readonly from: number; to: number }[] = [];

  /** Lasts until what is returned is called. */
  #begin(what: string): () => void {
    const span = { what, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.#spans.push(span);
    return () => {
      span.to = performance.now();
    };
  }

  /** Lasts as long as this does. */
  async during(what: string, act: () => Promise<void>): Promise<void> {
    const over = this.#begin(what);
    await act();
    over();
  }

  /** It was so in this time. */
  add(what: string, from: number, to: number): void {
    this.#spans.push({ what, from, to });
  }

  /** It was so at some moment of the time from `from` to `to`. */
  within(what: string, from: number, to: number): boolean {
    return this.#spans.some((span) => span.what === what && span.from <= to && span.to >= from);
  }

  count(what: string): number {
    return this.#spans.filter((span) => span.what === what).length;
  }
}
