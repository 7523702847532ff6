/** One life of a worker: a thread that is started, listened to, drained, and cleaned up after exactly once. */
import { setTimeout as later } from 'node:timers/promises';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { type MainLedger, Sabotage } from '../../../actors/index.ts';
import type { Farewell, SharedHeadcount } from '../../proxy/index.ts';
import { newThread, programBeside } from '../../threads/index.ts';
import { createPublicationCount, type Publisher, type Receiver } from '../table/publisher.ts';
import { type Boot, type FromWorker, HEARTBEAT_CELLS, type ToWorker } from './messages.ts';
import { Pulse } from './pulse.ts';
import type { Requests } from './requests-branch.ts';

// A worker whose event loop is blocked for so long serves nobody.
const SILENT_MS = 5000;
const LOOK_EVERY_MS = 1000;
// 60 s: a starting worker loads its program and table first, which takes more than seconds on a busy machine.
const START_MS = 60_000;
// 1 ms: a live holder of the lock needs less, and a dead one is noticed in about two.
const AGAIN_MS = 1;

export type WorkerParts = {
  readonly number: number;
  readonly boot: Omit<Boot, 'thread' | 'number' | 'feed' | 'heartbeat' | 'ledger' | 'names'>;
  readonly ledger: MainLedger;
  readonly publisher: Publisher;
  readonly headcount: SharedHeadcount | undefined;
  readonly now: () => number;
  readonly drainMs: number;
  readonly on: (message: FromWorker, from: WorkerChild) => void;
  /** Called once its ledger thread is enlisted, so that others may be told; `gone` is called when it has ended. */
  readonly born: (worker: WorkerChild) => void;
  readonly gone: (worker: WorkerChild) => void;
  /** It ended without being drained or killed; what it held has been given back. */
  readonly crashed: (worker: WorkerChild, error: unknown) => void;
};

export class WorkerChild implements Requests {
  readonly thread: number;
  readonly number: number;
  readonly addresses: Promise<readonly string[]>;
  /** What it had when it stopped accepting; rejects if the worker ends without a word. */
  readonly farewell: Promise<Farewell>;
  readonly #parts: WorkerParts;
  readonly #worker: Worker;
  readonly #receiver: Receiver;
  readonly #exit: Promise<void>;
  readonly #heartbeat = new Int32Array(new SharedArrayBuffer(HEARTBEAT_CELLS * Int32Array.BYTES_PER_ELEMENT));
  readonly #watch: NodeJS.Timeout;
  readonly #pulse: Pulse;
  #error: unknown;
  #isReady = false;
  #stopping = false;
  /** Requests that were cut at the end of its drain. */
  cut = 0;

  constructor(parts: WorkerParts) {
    const { port1, port2 } = new MessageChannel();
    const ready = Promise.withResolvers<readonly string[]>();
    const farewell = Promise.withResolvers<Farewell>();
    this.#parts = parts;
    this.#pulse = new Pulse(parts.now());
    this.number = parts.number;
    this.thread = parts.ledger.enlist();
    const { publisher } = parts;
    const seen = createPublicationCount();
    this.#receiver = { seen, receive: (_happened, publication) => port1.postMessage(publication()) };
    publisher.enrol(this.#receiver);
    const boot: Boot = {
      ...parts.boot,
      number: parts.number,
      thread: this.thread,
      ledger: parts.ledger.shared,
      names: publisher.names.shared,
      feed: { port: port2, board: publisher.board.shared, count: publisher.count, seen },
      heartbeat: this.#heartbeat,
    };
    this.#worker = this.#born(boot, port1);
    this.addresses = ready.promise;
    this.farewell = farewell.promise;
    for (const promised of [ready.promise, farewell.promise]) promised.catch(() => {});
    this.#worker.on('message', (message: FromWorker) => {
      if (message.type === 'ready') {
        this.#isReady = true;
        this.#pulse.begins(parts.now());
        ready.resolve(message.addresses);
      } else if (message.type === 'farewell') farewell.resolve(message.farewell);
      else if (message.type === 'over') this.cut = message.cut;
      parts.on(message, this);
    });
    this.#worker.on('error', (error) => {
      this.#error = error;
    });
    this.#exit = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        port1.close();
        this.#error ??= new Error(`worker ${parts.number} ended with exit code ${code}`);
        ready.reject(this.#error);
        farewell.reject(this.#error);
        resolve(this.#bury());
      });
    });
    this.#watch = this.#listenForHeartbeats();
    parts.born(this);
  }

  /** If no thread can be created, everything prepared for it is undone; the supervisor tries again. */
  #born(boot: Boot, feed: MessagePort): Worker {
    try {
      return newThread(programBeside(import.meta.url, './worker-thread'), {
        name: `worker-${this.number}`,
        workerData: boot,
        transferList: [boot.feed.port],
      });
    } catch (error) {
      feed.close();
      this.#parts.publisher.dismiss(this.#receiver);
      void this.#parts.ledger.reap(this.thread, this.#parts.now());
      throw error;
    }
  }

  /** For how many milliseconds its loop has not been seen to turn; 0 while it starts. */
  silentForMs(): number {
    return this.#isReady ? this.#pulse.silentForMs(this.#parts.now()) : 0;
  }

  /** Requests in flight at the last heartbeat. */
  get inFlight(): number {
    return Atomics.load(this.#heartbeat, 1);
  }

  post(message: ToWorker, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  crash(error: Error): void {
    const stalls = error instanceof Sabotage && error.point === 'stall';
    this.post({ type: stalls ? 'stall' : 'fail', message: error.message });
  }

  crashRequest({ message }: Error): void {
    this.post({ type: 'fail request', message });
  }

  /** Stops accepting and ends within the drain time; `idleMs`: as in RoutingPlane. */
  drain(idleMs?: number, withinMs = this.#parts.drainMs): Promise<void> {
    this.#stopping = true;
    this.post(idleMs === undefined ? { type: 'drain', withinMs } : { type: 'drain', withinMs, idleMs });
    return this.#exit;
  }

  /** Stops accepting and ends when everything it serves is over, however long that takes. */
  retire(): Promise<void> {
    return this.drain(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  kill(): Promise<void> {
    this.#stopping = true;
    void this.#worker.terminate();
    return this.#exit;
  }

  /** What it held is given back only after the exit, and only then may its place be taken. */
  async #bury(): Promise<void> {
    clearInterval(this.#watch);
    this.#parts.publisher.dismiss(this.#receiver);
    this.#parts.gone(this);
    while (this.#parts.headcount?.reap(this.thread) === false) await later(AGAIN_MS);
    await this.#parts.ledger.reap(this.thread, this.#parts.now());
    if (!this.#stopping) this.#parts.crashed(this, this.#error);
  }

  #listenForHeartbeats(): NodeJS.Timeout {
    const watch = setInterval(() => {
      const silentMs = this.#pulse.look(Atomics.load(this.#heartbeat, 0), this.#parts.now());
      if (silentMs <= (this.#isReady ? SILENT_MS : START_MS)) return;
      this.#error = new Error(`worker ${this.number} was silent for ${silentMs} ms`);
      void this.#worker.terminate();
    }, LOOK_EVERY_MS);
    watch.unref();
    return watch;
  }
}
