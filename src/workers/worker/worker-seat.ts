/**
 * One worker's place: it stays while threads come and go. On a replacement, the new thread listens before the old one
 * stops accepting; the old one continues until all its requests are done, or until its own place is needed for the
 * replacement after next.
 *
 *   (start) ─▶ serving ──replace──▶ the next starts ──it listens──▶ the next serves, the former drains
 *                 └── crashed ──▶ the supervisor starts again; one that drains goes on draining
 */
import { type ChildContext, crashed, type Running, type StopReason } from '../../../actors/index.ts';
import { RequestsBranch } from './requests-branch.ts';
import type { WorkerChild } from './worker-child.ts';

export type Replaced = {
  readonly worker: number;
  /** From the command until the new thread could accept a connection. */
  readonly readyInMs: number;
  /** What the former thread still had: established connections, and unaccepted ones that are lost; null: unknown. */
  readonly connections: number;
  readonly lost: number | null;
};

export type Retired = Replaced & {
  /** Requests that were cut when the time was over. */
  readonly cut: number;
};

/** The former thread goes on serving, or the supervisor is restarting it. */
export class NotReplaced extends Error {
  override readonly name = 'NotReplaced';
  readonly type: 'worker_unknown' | 'worker_not_replaced';

  constructor(message: string, options?: ErrorOptions, type: NotReplaced['type'] = 'worker_not_replaced') {
    super(message, options);
    this.type = type;
  }
}

export type Birth = (crashed: (worker: WorkerChild, error: unknown) => void) => WorkerChild;

export class WorkerSeat {
  readonly number: number;
  readonly #birth: Birth;
  readonly #now: () => number;
  #serving: WorkerChild | undefined;
  /** Of the thread that serves. */
  #context: ChildContext | undefined;
  /** The next thread, which is not listening yet. */
  #next: WorkerChild | undefined;
  /** The former thread; `gone` resolves when it has ended. */
  #retiring: { readonly worker: WorkerChild; readonly gone: Promise<void> } | undefined;
  #ending: Promise<void> | undefined;

  constructor(number: number, birth: Birth, now: () => number) {
    this.number = number;
    this.#birth = birth;
    this.#now = now;
  }

  /** Resolves when the worker accepts connections. */
  async start(context: ChildContext): Promise<Running> {
    const worker = this.#birth((dead, error) => this.#died(dead, error));
    // If it dies before it listens, the start fails.
    await worker.addresses;
    this.#serving = worker;
    this.#context = context;
    this.#ending = undefined;
    return {
      stop: (reason) => this.#stop(reason),
      crash: (error) => this.#serving?.crash(error),
      branch: new RequestsBranch(this.number, () => this.#serving, this.#now()),
    };
  }

  get isServing(): boolean {
    return this.#serving !== undefined;
  }

  /** Whether a former thread still has something to finish. */
  get isRetiring(): boolean {
    return this.#retiring !== undefined;
  }

  /** Resolves when the new thread serves and the former accepts no more; `retired` resolves when the former has ended. */
  async replace(): Promise<{ readonly replaced: Replaced; readonly retired: Promise<Retired> }> {
    const beganAtMs = this.#now();
    // The ledger has room for two threads per seat, so one that still retires must end first, now within the drain
    // time.
    await this.#retiring?.worker.drain(Number.POSITIVE_INFINITY);
    const former = await this.#succeeded();
    const readyInMs = Math.round(this.#now() - beganAtMs);
    const gone = this.#retire(former);
    // It may die before its farewell.
    const { connections, lost } = await former.farewell.catch(() => ({ connections: 0, lost: null }));
    const replaced = { worker: this.number, readyInMs, connections, lost };
    return { replaced, retired: gone.then(() => ({ ...replaced, cut: former.cut })) };
  }

  /** Starts the next thread and lets it serve; returns the former. */
  async #succeeded(): Promise<WorkerChild> {
    const former = this.#serving;
    if (former === undefined || this.#next !== undefined || this.#ending !== undefined)
      throw new NotReplaced(`expected worker ${this.number} to be serving, found it being started or ended`);
    const next = this.#birth((dead, error) => this.#died(dead, error));
    this.#next = next;
    try {
      await next.addresses;
    } catch (cause) {
      throw new NotReplaced(`worker ${this.number} serves on: the new one did not start`, { cause });
    } finally {
      this.#next = undefined;
    }
    // The router may be ending meanwhile: the former thread then has its drain time, which a retirement would override.
    if (this.#serving !== former || this.#ending !== undefined) {
      await next.kill();
      throw new NotReplaced(`worker ${this.number} ended while the new one was starting`);
    }
    this.#serving = next;
    return former;
  }

  /** Only the death of the serving thread concerns the supervisor. */
  #died(dead: WorkerChild, error: unknown): void {
    if (dead !== this.#serving) return;
    this.#serving = undefined;
    void this.#next?.kill();
    this.#context?.exited(crashed(error));
  }

  #retire(former: WorkerChild): Promise<void> {
    const gone = former.retire();
    const retiring = { worker: former, gone };
    this.#retiring = retiring;
    void gone.then(() => {
      if (this.#retiring === retiring) this.#retiring = undefined;
    });
    return gone;
  }

  /** Stops accepting and finishes what is in progress; a `stop` afterwards waits for the same drain. */
  drain(): Promise<void> {
    this.#ending ??= this.#endAll((worker) => worker.drain());
    return this.#ending;
  }

  #stop(reason: StopReason): Promise<void> {
    return reason === 'kill' ? this.#endAll((worker) => worker.kill()) : this.drain();
  }

  async #endAll(end: (worker: WorkerChild) => Promise<void>): Promise<void> {
    const old = [this.#serving, this.#retiring?.worker].filter((worker) => worker !== undefined);
    await Promise.all([this.#next?.kill(), ...old.map(end)]);
    this.#serving = undefined;
  }
}
