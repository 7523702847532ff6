/**
 * Tells the workers what was recorded: one transaction at a time, in order, each exactly once. After a crash it continues
 * where it left off; callers that wait for a position wait through that.
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

  /** `position`: what the workers already know when they start. */
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

  /** Events up to this position need not be told: the listeners have read them themselves. */
  skipTo(position: Position): void {
    this.#position = Math.max(this.#position, position);
  }

  published(position: Position): Promise<void> {
    if (position <= this.#position) return Promise.resolve();
    if (this.#isEnded) return Promise.reject(untold(position));
    return new Promise((resolve, reject) => this.#waiting.push({ position, resolve, reject }));
  }

  /** The feed is stopped for good: callers no longer wait for what it will not tell. */
  end(): void {
    this.#isEnded = true;
    for (const { position, reject } of this.#waiting.splice(0)) reject(untold(position));
  }

  async #start(context: ChildContext): Promise<Running> {
    // Nobody listens before the first start; workers that start later read the current rows themselves.
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
    // What is appended during the catching up is read from the log in its turn.
    const unsubscribe = this.#log.onAppended((happened) => {
      if (!live || over) return;
      if (happened.first <= this.#position + 1) this.#tell(happened);
      else crash(missed(this.#position + 1, happened.first));
    });
    await this.#catchUp(() => over);
    live = true;
    return { stop: end, crash };
  }

  /** Resolves in the same turn of the loop in which it found nothing more, so no event falls between this and `live`. */
  async #catchUp(over: () => boolean): Promise<void> {
    while (!over()) {
      const page = await this.#log.read({ from: this.#position + 1, limit: PAGE });
      if (page.length === 0) return;
      const transaction = page.length < PAGE ? page : await this.#whole(page);
      if (!over()) this.#tell(happenedOf(transaction));
    }
  }

  /** If a page ends within the events of a command, adds the rest of them. */
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

/** The writer was lost, and what it wrote could not be read just then: the restarted feed finds it in the log. */
function missed(expected: Position, found: Position): Error {
  return new Error(`expected to be told of position ${expected}, found ${found}`);
}

function untold(position: Position): LogUnavailable {
  return new LogUnavailable(
    'log_closed',
    `expected position ${position} to be published, found that the router has stopped`,
  );
}
