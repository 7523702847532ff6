/**
 * All worker threads: one supervised child each. They wake each other when a check-in in one serves a waiter in
 * another, and their figures are added up.
 */
import { MessageChannel } from 'node:worker_threads';
import {
  type ChildSpec,
  type HealthReport,
  type MainLedger,
  supervisorChild,
  type World,
} from '../../../actors/index.ts';
import type { StreamName } from '../../../eventlog/index.ts';
import type { ListenerSettings, ProcessSettings } from '../../config/index.ts';
import { createHeadcount, type HeadcountMemory, SharedHeadcount } from '../../proxy/index.ts';
import type { ReplacementCounts } from '../../telemetry/replacement-metrics.ts';
import type { RequestMetricsSnapshot } from '../../telemetry/request-metrics.ts';
import { afterTurning } from '../../threads/index.ts';
import type { Journal } from '../journal/journal.ts';
import type { Publisher } from '../table/publisher.ts';
import type { FromWorker } from './messages.ts';
import { WorkerChild } from './worker-child.ts';
import { WorkerFigures } from './worker-figures.ts';
import { NotReplaced, type Replaced, type Retired, WorkerSeat } from './worker-seat.ts';

/** A worker that was replaced; `retired` resolves when the former thread has ended. */
export type Replacement = { readonly replaced: Replaced; readonly retired: Promise<Retired> };

export type WorkersOptions = {
  readonly count: number;
  /** As many as the ledger has room for. */
  readonly threads: number;
  readonly ledger: MainLedger;
  readonly publisher: Publisher;
  /** Undefined: no journal is kept. */
  readonly journal: Journal | undefined;
  readonly directory: string;
  /** Streams whose events cannot be read, and that have no earlier row. */
  readonly unreadable: readonly StreamName[];
  readonly pseudonym: string;
  /** The key of digests and affinity cookies; random per data directory. */
  readonly secret: string;
  /** With ports resolved: all workers bind the same ones. */
  readonly listeners: readonly ListenerSettings[];
  /** Connections to backends, of all threads; 0: any number. */
  readonly mostToBackends: number;
  readonly accessLog: ProcessSettings['accessLog'];
  readonly drainMs: number;
  readonly now: () => number;
  readonly report: (report: HealthReport) => void;
  /** Creates a pool's ledger. Resolves when it exists or could not be created; never rejects. */
  readonly wake: (pool: string) => Promise<unknown>;
  readonly warn: (message: string) => void;
  readonly writeLog: (text: string) => void;
};

// A worker that dies ten times in ten seconds cannot be kept running.
const WINDOW = { intensity: 10, periodMs: 10_000 } as const;
// Three looks, at each of which a beating worker is seen to turn.
const LATE_MS = 3000;
// How long a scrape waits for a busy worker.
const METRICS_MS = 1000;

export class Workers {
  readonly #options: WorkersOptions;
  readonly #seats: readonly WorkerSeat[];
  /** Undefined if one worker routes alone. */
  readonly #headcount: HeadcountMemory | undefined;
  readonly #alive = new Map<number, WorkerChild>();
  readonly #figures = new WorkerFigures();
  readonly #asked = new Map<number, () => void>();
  #lastAsked = 0;
  #isReplacing = false;
  #isEnding = false;
  #replacements = 0;
  #lostConnections = 0;
  /** Requests that were cut since the last `drain` of all workers began. */
  #cut = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#headcount = options.count > 1 ? createHeadcount(options.threads) : undefined;
    this.#seats = Array.from({ length: options.count }, (_, index) => this.#seat(index + 1));
  }

  childSpec(world: World): ChildSpec {
    const children = this.#seats.map((seat) => this.#worker(seat));
    return supervisorChild({ id: 'workers', strategy: 'one_for_one', ...WINDOW, children }, world);
  }

  /** How many accept connections. */
  get serving(): number {
    return this.#seats.filter((seat) => seat.isServing).length;
  }

  /** Numbers of the workers whose loops seem to stand still. */
  silent(): number[] {
    const late = [...this.#alive.values()].filter((worker) => worker.silentForMs() > LATE_MS);
    return late.map((worker) => worker.number);
  }

  /** Called by the main thread's ledger. */
  ring(thread: number): void {
    this.#alive.get(thread)?.post({ type: 'bell' });
  }

  get replacements(): ReplacementCounts {
    const retiring = this.#seats.filter((seat) => seat.isRetiring).length;
    return { replaced: this.#replacements, lostConnections: this.#lostConnections, retiring };
  }

  /** Of all present and former workers; one that does not answer in time counts as last reported. */
  async metrics(): Promise<readonly RequestMetricsSnapshot[]> {
    await Promise.all([...this.#alive.values()].map((worker) => this.#ask(worker)));
    return this.#figures.all;
  }

  /** Replaces the named worker, or all, one after the other; yields each when it is done. */
  async *replace(only?: number): AsyncGenerator<Replacement> {
    if (this.#isReplacing) throw new NotReplaced('workers are just being replaced');
    const seats = this.#seats.filter((seat) => only === undefined || seat.number === only);
    if (seats.length === 0)
      throw new NotReplaced(
        `expected a worker from 1 to ${this.#seats.length}, found ${only}`,
        undefined,
        'worker_unknown',
      );
    this.#isReplacing = true;
    try {
      for (const seat of seats) {
        const replacement = await seat.replace();
        this.#replacements++;
        this.#lostConnections += replacement.replaced.lost ?? 0;
        yield replacement;
      }
    } finally {
      this.#isReplacing = false;
    }
  }

  /** From now on all answer probes 503, so that load balancers stop sending; nothing else changes. */
  announceEnd(): void {
    this.#isEnding = true;
    for (const worker of this.#alive.values()) worker.post({ type: 'ending' });
  }

  /**
   * Drains all at once when the router ends: a supervisor would stop its children in turn, and the last would go on
   * accepting until those before it have finished. Resolves to the number of requests that were cut when the drain time
   * was over; those of a worker that died meanwhile are unknown.
   */
  async drain(): Promise<number> {
    this.#cut = 0;
    await Promise.all(this.#seats.map((seat) => seat.drain()));
    return this.#cut;
  }

  #worker(seat: WorkerSeat): ChildSpec {
    return {
      id: `worker:${seat.number}`,
      kind: 'worker',
      restart: 'permanent',
      shutdownMs: this.#options.drainMs + 2000,
      start: (context) => seat.start(context),
    };
  }

  #seat(number: number): WorkerSeat {
    const {
      ledger,
      publisher,
      now,
      drainMs,
      directory,
      unreadable,
      pseudonym,
      secret,
      listeners,
      mostToBackends,
      accessLog,
    } = this.#options;
    const parts = {
      number,
      ledger,
      publisher,
      headcount: this.#headcount && new SharedHeadcount(this.#headcount, 0),
      now,
      drainMs,
      boot: {
        headcount: this.#headcount,
        journal: this.#options.journal?.share,
        directory,
        unreadable,
        pseudonym,
        secret,
        listeners,
        mostToBackends,
        accessLog,
      },
      on: (message: FromWorker, from: WorkerChild) => this.#hear(message, from),
      born: (born: WorkerChild) => this.#introduce(born),
      gone: (gone: WorkerChild) => this.#forget(gone),
    };
    return new WorkerSeat(number, (crashed) => new WorkerChild({ ...parts, crashed }), now);
  }

  #hear(message: FromWorker, from: WorkerChild): void {
    switch (message.type) {
      case 'bell':
        this.#options.ledger.deliver();
        return;
      case 'report':
        this.#options.report(message.report);
        return;
      case 'wake':
        void this.#options.wake(message.pool).then(() => from.post({ type: 'awake', pool: message.pool }));
        return;
      case 'warning':
        this.#options.warn(message.message);
        return;
      case 'log':
        this.#options.writeLog(message.text);
        return;
      case 'metrics': {
        this.#figures.said(from, message.snapshot);
        this.#asked.get(message.id)?.();
        return;
      }
      case 'over':
        this.#cut += message.cut;
        this.#figures.said(from, message.snapshot);
        return;
      case 'farewell':
      case 'ready':
        return;
    }
  }

  #introduce(born: WorkerChild): void {
    for (const other of this.#alive.values()) {
      const { port1, port2 } = new MessageChannel();
      born.post({ type: 'neighbour', thread: other.thread, port: port1 }, [port1]);
      other.post({ type: 'neighbour', thread: born.thread, port: port2 }, [port2]);
    }
    this.#alive.set(born.thread, born);
    if (this.#isEnding) born.post({ type: 'ending' });
  }

  #forget(gone: WorkerChild): void {
    this.#alive.delete(gone.thread);
    this.#figures.gone(gone);
    for (const other of this.#alive.values()) other.post({ type: 'neighbour gone', thread: gone.thread });
  }

  /** Resolves when the worker has answered, or after METRICS_MS. */
  #ask(worker: WorkerChild): Promise<void> {
    this.#lastAsked += 1;
    const id = this.#lastAsked;
    return new Promise((resolve) => {
      const over = () => {
        this.#asked.delete(id);
        resolve();
      };
      const callOff = afterTurning(METRICS_MS, over);
      this.#asked.set(id, () => {
        callOff();
        over();
      });
      worker.post({ type: 'metrics', id });
    });
  }
}
