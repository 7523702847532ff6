/**
 * A thread for occasional work: started when it is needed, ended when it has not been needed for a while, and
 * supervised meanwhile. It is sent `stop` to end and `fail` to fail as a bug would; all other messages are between it
 * and its user.
 *
 *   absent ──wanted()──▶ alive ──rest(), then unused for idleMs──▶ absent
 *                          └──────crashed──▶ parked by its supervisor, longer each time, then absent again
 */
import type { Transferable, Worker } from 'node:worker_threads';
import { type ChildContext, type ChildSpec, crashed, type Running } from '../../actors/index.ts';
import { mayPass } from '../../eventlog/index.ts';
import { newThread } from './new-thread.ts';

export type OnDemandOptions<FromThread> = {
  /** Its id in the tree, and its kind. */
  readonly id: string;
  /** The thread's name for the system, at most 15 characters. */
  readonly name: string;
  /** Its program, from `programBeside`. */
  readonly program: URL;
  readonly workerData: unknown;
  /** How long it may be idle before it ends. */
  readonly idleMs: number;
  readonly hear: (message: FromThread) => void;
  /** The thread has ended; its outstanding questions will not be answered. */
  readonly lost: () => void;
  /** Makes the error that `wanted` throws; `why`: the system has no thread left. */
  readonly unavailable: (why?: Error) => Error;
  /** Wraps the creation of the thread, for example to set its nursery size or its priority. */
  readonly born?: (make: () => Worker) => Worker;
};

type Order = { readonly type: 'stop' } | { readonly type: 'fail'; readonly message: string };

// Longer than a restart takes, even if all cores are busy and the thread has low priority.
const UP_MS = 15_000;
const SHUTDOWN_MS = 2000;

export class ThreadOnDemand<ToThread, FromThread> {
  readonly #options: OnDemandOptions<FromThread>;
  #context: ChildContext | undefined;
  #up = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #stopping = false;
  #retiring: NodeJS.Timeout | undefined;

  constructor(options: OnDemandOptions<FromThread>) {
    this.#options = options;
  }

  childSpec(): ChildSpec {
    const { id } = this.#options;
    const start = (context: ChildContext) => this.#start(context);
    return { id, kind: id, restart: 'permanent', isDispensable: true, shutdownMs: SHUTDOWN_MS, start };
  }

  /** Whether the thread exists, with memory of its own. */
  get isBorn(): boolean {
    return this.#worker !== undefined;
  }

  /** Resolves when messages can be posted; rejects with `unavailable`. */
  async wanted(): Promise<void> {
    clearTimeout(this.#retiring);
    if (this.#stopping) throw this.#options.unavailable();
    if (this.#worker !== undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#options.unavailable()), UP_MS);
    });
    try {
      await Promise.race([this.#up.promise, late]);
    } finally {
      clearTimeout(timer);
    }
    try {
      this.#worker ??= this.#born();
    } catch (error) {
      // The system has no thread left at the moment; a later try may succeed.
      if (mayPass(error)) throw this.#options.unavailable(error as Error);
      throw error;
    }
  }

  /** Dropped if there is no thread. */
  post(message: ToThread, transfer: readonly Transferable[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  /** Nobody needs the thread now: it ends if that lasts, which frees its memory. */
  rest(): void {
    clearTimeout(this.#retiring);
    this.#retiring = setTimeout(() => {
      const worker = this.#worker;
      if (worker === undefined || this.#stopping) return;
      this.#worker = undefined;
      worker.postMessage({ type: 'stop' } satisfies Order);
    }, this.#options.idleMs);
    this.#retiring.unref();
  }

  #born(): Worker {
    const { name, program, workerData, hear, lost, born = (make) => make() } = this.#options;
    const worker = born(() => newThread(program, { name, workerData }));
    let cause: unknown;
    worker.on('message', hear);
    worker.on('error', (error) => {
      cause = error;
    });
    worker.once('exit', (code) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      if (!this.#stopping) {
        const error = cause ?? new Error(`the thread ${name} ended with exit code ${code}`);
        this.#up = Promise.withResolvers();
        this.#context?.exited(crashed(error));
      }
      lost();
    });
    // While somebody waits for an answer, the waiting itself keeps the process alive.
    worker.unref();
    return worker;
  }

  #start(context: ChildContext): Running {
    this.#context = context;
    this.#stopping = false;
    this.#up.resolve();
    return {
      stop: async (reason) => {
        this.#stopping = true;
        this.#up = Promise.withResolvers();
        const worker = this.#worker;
        if (worker === undefined) return;
        worker.ref();
        const gone = new Promise((resolve) => worker.once('exit', resolve));
        if (reason === 'shutdown') worker.postMessage({ type: 'stop' } satisfies Order);
        else void worker.terminate();
        await gone;
      },
      crash: (error) => {
        if (this.#worker === undefined) context.exited(crashed(error));
        else this.#worker.postMessage({ type: 'fail', message: error.message } satisfies Order);
      },
    };
  }
}
