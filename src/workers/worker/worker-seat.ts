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
  /** From the wish to the first connection that the new one could take. */
  readonly readyInMs: number;
  /** What the former still had: established connections, and unaccepted ones that are lost; null: nobody can tell. */
  readonly connections: number;
  readonly lost: number | null;
};

export type Retired = Replaced & {
  /** Requests that were unfinished when there was no more time for them. */
  readonly cut: number;
};

/** The former serves on, or the supervisor is at work. */
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
  /** Of the life that serves. */
  #context: ChildContext | undefined;
  /** Not listening yet. */
  #next: WorkerChild | undefined;
  /** The former, and when it is gone. */
  #retiring: { readonly worker: WorkerChild; readonly gone: Promise<void> } | undefined;
  #ending: Promise<void> | undefined;

  constructor(number: number, birth: Birth, now: () => number) {
    this.number = number;
    this.#birth = birth;
    this.#now = now;
  }

  /** Resolves when it accepts connections. */
  async start(context: ChildContext): Promise<Running> {
    const worker = this.#birth((dead, error) => this.#died(dead, error));
    // One that dies before it listens fails the start.
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

  /** Whether a former one still has something to finish. */
  get isRetiring(): boolean {
    return this.#retiring !== undefined;
  }

  /** Resolves when the new one serves and the former accepts no more; `retired` when the former is gone. */
  async replace(): Promise<{ readonly replaced: Replaced; readonly retired: Promise<Retired> }> {
    const beganAtMs = this.#now();
    // Of one place there are two threads at most: that many the ledger has room for. From now on time matters.
    await this.#retiring?.worker.drain(Number.POSITIVE_INFINITY);
    const former = await this.#succeeded();
    const readyInMs = Math.round(this.#now() - beganAtMs);
    const gone = this.#retire(former);
    // It may die just now: then it had no time for a word.
    const { connections, lost } = await former.farewell.catch(() => ({ connections: 0, lost: null }));
    const replaced = { worker: this.number, readyInMs, connections, lost };
    return { replaced, retired: gone.then(() => ({ ...replaced, cut: former.cut })) };
  }

  /** The one that served until now; another serves in its place. */
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
    // All may be ended meanwhile: the former has its time to finish, which a retirement would take away.
    if (this.#serving !== former || this.#ending !== undefined) {
      await next.kill();
      throw new NotReplaced(`worker ${this.number} ended while the new one was starting`);
    }
    this.#serving = next;
    return former;
  }

  /** Only the one that serves is missed by the supervisor. */
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

  /** Accepts no more, and finishes what is under way; whoever stops it then waits for no more than that. */
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
