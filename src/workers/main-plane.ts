/** Routing in the main thread (`--workers 0`), for embedding and for tests: the same plane, one thread. */
import type { ChildContext, ChildSpec, Running } from '../../actors/index.ts';
import { crashed } from '../../actors/index.ts';
import type { RequestMetricsSnapshot } from '../telemetry/request-metrics.ts';
import { RoutingThread } from './routing-thread.ts';
import type { Receiver } from './table/publisher.ts';
import { type Requests, RequestsBranch } from './worker/requests-branch.ts';
import { WorkerFigures } from './worker/worker-figures.ts';
import { NotReplaced } from './worker/worker-seat.ts';
import type { Replacement, WorkersOptions } from './worker/workers.ts';

const SELF = { number: 0 };

export class MainPlane {
  readonly #options: Omit<WorkersOptions, 'count' | 'threads'>;
  readonly #figures = new WorkerFigures();
  #routing: RoutingThread | undefined;
  #isEnding = false;
  #drain: () => Promise<number> = async () => 0;

  constructor(options: Omit<WorkersOptions, 'count' | 'threads'>) {
    this.#options = options;
  }

  /** With one thread, the bell is delivered at once. */
  ring(): void {
    this.#options.ledger.deliver();
  }

  /** The only thread is the one that answers. */
  silent(): number[] {
    return [];
  }

  get serving(): number {
    return this.#routing === undefined ? 0 : 1;
  }

  async metrics(): Promise<readonly RequestMetricsSnapshot[]> {
    if (this.#routing !== undefined) this.#figures.said(SELF, this.#routing.plane.metrics());
    return this.#figures.all;
  }

  readonly replacements = { replaced: 0, lostConnections: 0, retiring: 0 };

  /** The only thread is the one that answers. */
  // biome-ignore lint/correctness/useYield: there is nothing to give.
  async *replace(): AsyncGenerator<Replacement> {
    throw new NotReplaced('expected threads that route, found that the main thread does (--workers 0)');
  }

  /** From now on it answers probes 503, so that load balancers stop sending; nothing else changes. */
  announceEnd(): void {
    this.#isEnding = true;
    this.#routing?.plane.announceEnd();
  }

  /** Stops accepting and finishes what is in progress. Resolves to the number of requests that were cut. */
  drain(): Promise<number> {
    return this.#drain();
  }

  childSpec(): ChildSpec {
    return {
      id: 'worker:0',
      kind: 'worker',
      restart: 'permanent',
      shutdownMs: this.#options.drainMs + 2000,
      start: (context) => this.#start(context),
    };
  }

  async #start(context: ChildContext): Promise<Running> {
    const { publisher, drainMs } = this.#options;
    const routing: RoutingThread = new RoutingThread({
      ...this.#options,
      names: publisher.names,
      wake: (pool) => void this.#options.wake(pool).then(() => routing.plane.awake(pool)),
      journal: this.#options.journal?.requests(),
      number: 0,
    });
    const receiver: Receiver = { receive: ({ events }) => routing.table.apply(events) };
    publisher.enrol(receiver);
    const end = async <T>(ending: Promise<T>): Promise<T> => {
      const ended = await ending;
      publisher.dismiss(receiver);
      this.#figures.said(SELF, routing.plane.metrics());
      this.#figures.gone(SELF);
      routing.close();
      this.#routing = undefined;
      return ended;
    };
    try {
      // Publications are applied in the same step, so there is nothing to wait for.
      routing.load({ isLevel: () => true, pause: () => {} });
      await routing.listen();
    } catch (error) {
      // Close what is already listening, since no child will own it.
      await end(routing.plane.close());
      throw error;
    }
    this.#routing = routing;
    if (this.#isEnding) this.announceEnd();
    const accepted = () => routing.plane.acceptWaiting();
    let drained: Promise<number> | undefined;
    const drain = () => (drained ??= end(accepted().then(() => routing.plane.drain(drainMs))));
    this.#drain = drain;
    const requests: Requests = {
      get inFlight() {
        return routing.plane.counters.inFlight;
      },
      crashRequest: (error) => routing.plane.crashRequest(error),
    };
    return {
      branch: new RequestsBranch(0, () => requests, this.#options.now()),
      stop: async (reason) => {
        await (reason === 'kill' ? end(routing.plane.close()) : drain());
      },
      crash: (error) => {
        const exit = () => context.exited(crashed(error));
        void end(routing.plane.close()).then(exit, exit);
      },
    };
  }
}
