/**
 * Tells the workers what was recorded, one transaction at a time, in order, each exactly once. After a crash it
 * goes on where it had come to; whoever waits for a position waits through that.
 */
import {
  type EventLog,
  type Happened,
  happenedOf,
  LogUnavailable,
  type Position,
  type Recorded,
} from '../eventlog/index.ts';
import { type ChildContext, type ChildSpec, crashed, type Running } from './supervision/index.ts';

const PAGE = 1000;

export type Publish = (happened: Happened) => void;

type Waiting = {
  readonly position: Position;
  readonly resolve: () => void;
  readonly reject: (error: LogUnavailable) => void;
};

export class Feed {
  readonly #log: EventLog;
  readonly #publish: Publish;
  #position: Position = 0;
  #begun = false;
  #isEnded = false;
  #waiting: Waiting[] = [];

  /** `position`: what the workers know already when they start. */
  constructor(log: EventLog, publish: Publish) {
    this.#log = log;
    this.#publish = publish;
  }

  childSpec(): ChildSpec {
    return {
      id: 'feed',
      kind: 'feed',
      restart: 'permanent',
      shutdownMs: 'brutal',
      start: (context) => this.#start(context),
    };
  }

  get position(): Position {
    return this.#position;
  }

  /** Nothing up to this position needs to be told: whoever listens has read it by itself. */
  skipTo(position: Position): void {
    this.#position = Math.max(this.#position, position);
  }

  published(position: Position): Promise<void> {
    if (position <= this.#position) return Promise.resolve();
    if (this.#isEnded) return Promise.reject(untold(position));
    return new Promise((resolve, reject) => this.#waiting.push({ position, resolve, reject }));
  }

  /** It is stopped for good: nobody waits for what it will not tell. */
  end(): void {
    this.#isEnded = true;
    for (const { position, reject } of this.#waiting.splice(0)) reject(untold(position));
  }

  async #start(context: ChildContext): Promise<Running> {
    // Nobody listens before the first start; workers that are born later read the current rows by themselves.
    if (!this.#begun) this.skipTo(await this.#log.position());
    this.#begun = true;
    let live = false;
    let over = false;
    const end = () => {
      over = true;
      unsubscribe();
    };
    const crash = (error: Error) => {
      end();
      context.exited(crashed(error));
    };
    // What comes during the catching up is found in the log when its turn comes.
    const unsubscribe = this.#log.onAppended((happened) => {
      if (!live || over) return;
      if (happened.first <= this.#position + 1) this.#tell(happened);
      else crash(missed(this.#position + 1, happened.first));
    });
    await this.#catchUp(() => over);
    live = true;
    return { stop: end, crash };
  }

  /** Resolves in the same turn of the loop in which it found nothing more, so nothing falls between it and live. */
  async #catchUp(over: () => boolean): Promise<void> {
    while (!over()) {
      const page = await this.#log.read({ from: this.#position + 1, limit: PAGE });
      if (page.length === 0) return;
      const transaction = page.length < PAGE ? page : await this.#whole(page);
      if (!over()) this.#tell(happenedOf(transaction));
    }
  }

  /** A page that ends within a command's events goes on to their end. */
  async #whole(page: readonly Recorded[]): Promise<readonly Recorded[]> {
    const events = [...page];
    for (;;) {
      const last = events.at(-1);
      const rest = await this.#log.read({ from: (last?.position ?? 0) + 1, limit: PAGE });
      const beyond = rest.findIndex((event) => event.metadata.commandId !== last?.metadata.commandId);
      events.push(...(beyond === -1 ? rest : rest.slice(0, beyond)));
      if (beyond !== -1 || rest.length < PAGE) return events;
    }
  }

  #tell(happened: Happened): void {
    const { first, last } = happened;
    if (last <= this.#position) return;
    const isFresh = ({ position }: Recorded) => position > this.#position;
    this.#publish(first > this.#position ? happened : happenedOf(happened.events.filter(isFresh)));
    this.#position = last;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((waiter) => waiter.position > last);
    for (const waiter of waiting) if (waiter.position <= last) waiter.resolve();
  }
}

/** Whoever wrote that was lost, and it could not be read just then: the next life of the feed finds it in the log. */
function missed(expected: Position, found: Position): Error {
  return new Error(`expected to be told of position ${expected}, found ${found}`);
}

function untold(position: Position): LogUnavailable {
  return new LogUnavailable(
    'log_closed',
    `expected position ${position} to be published, found that the router has stopped`,
  );
}
