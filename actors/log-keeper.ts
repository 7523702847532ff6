/**
 * The event log as the rest of the tree holds it: one object that stays while the log behind it is closed and opened again.
 * An append that was under way is then repeated under its command id, so it happens once.
 *
 *   open ──crashed──▶ closed: callers wait ──opened──▶ open
 *                        └──cannot be opened──▶ out of reach: callers are refused ──opened, at a later try──▶ open
 */
import {
  type Append,
  type Appended,
  type Current,
  DataUnusable,
  type EventLog,
  type Happened,
  LogUnavailable,
  type Position,
} from '../eventlog/index.ts';
import { type ChildContext, type ChildSpec, crashed, type Running } from './supervision/index.ts';

// Longer than a restart of the log takes, shorter than the patience of whoever sent a command.
const WAIT_MS = 5000;
const SHUTDOWN_MS = 5000;

type Listener = (happened: Happened) => void;

export class LogKeeper implements EventLog {
  readonly #open: () => Promise<EventLog> | EventLog;
  readonly #listeners = new Set<Listener>();
  #log: EventLog | undefined;
  #opened = Promise.withResolvers<void>();
  /** Why the log could not be opened, or the error of the last append. */
  #trouble: Error | undefined;
  /** The error of the last call, reads included: a command reads before it appends. */
  #failure: Error | undefined;
  /** The last position that was told to anybody. */
  #last: Position = 0;

  constructor(open: () => Promise<EventLog> | EventLog) {
    this.#open = open;
  }

  childSpec(): ChildSpec {
    return {
      id: 'log',
      kind: 'log',
      restart: 'permanent',
      shutdownMs: SHUTDOWN_MS,
      start: (context) => this.#start(context),
    };
  }

  /** Why commands are refused; undefined: the last append succeeded, and the log is well. */
  get trouble(): Error | undefined {
    return this.#trouble ?? this.#failure;
  }

  async append(append: Append): Promise<Appended> {
    try {
      const appended = await this.#with((log) => log.append(append));
      this.#trouble = undefined;
      return appended;
    } catch (error) {
      if (error instanceof LogUnavailable) this.#trouble ??= error;
      throw error;
    }
  }

  answered(commandId: string): ReturnType<EventLog['answered']> {
    return this.#with((log) => log.answered(commandId));
  }

  commands(prefix: string): ReturnType<EventLog['commands']> {
    return this.#with((log) => log.commands(prefix));
  }

  position(): ReturnType<EventLog['position']> {
    return this.#with((log) => log.position());
  }

  archived(): ReturnType<EventLog['archived']> {
    return this.#with((log) => log.archived());
  }

  version(...args: Parameters<EventLog['version']>): ReturnType<EventLog['version']> {
    return this.#with((log) => log.version(...args));
  }

  read(...args: Parameters<EventLog['read']>): ReturnType<EventLog['read']> {
    return this.#with((log) => log.read(...args));
  }

  readStream(...args: Parameters<EventLog['readStream']>): ReturnType<EventLog['readStream']> {
    return this.#with((log) => log.readStream(...args));
  }

  snapshot(...args: Parameters<EventLog['snapshot']>): ReturnType<EventLog['snapshot']> {
    return this.#with((log) => log.snapshot(...args));
  }

  current(...args: Parameters<EventLog['current']>): Promise<Current | undefined> {
    return this.#with((log) => log.current(...args));
  }

  statesOf(...args: Parameters<EventLog['statesOf']>): ReturnType<EventLog['statesOf']> {
    return this.#with((log) => log.statesOf(...args));
  }

  absentAmong(...args: Parameters<EventLog['absentAmong']>): ReturnType<EventLog['absentAmong']> {
    return this.#with((log) => log.absentAmong(...args));
  }

  currents(...args: Parameters<EventLog['currents']>): ReturnType<EventLog['currents']> {
    return this.#with((log) => log.currents(...args));
  }

  domainsOf(...args: Parameters<EventLog['domainsOf']>): ReturnType<EventLog['domainsOf']> {
    return this.#with((log) => log.domainsOf(...args));
  }

  onAppended(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  witness(happened: Happened): void {
    this.#last = Math.max(this.#last, happened.last);
    for (const listener of this.#listeners) listener(happened);
  }

  async close(): Promise<void> {
    await this.#log?.close();
  }

  /** The log is stopped for good: callers no longer wait for it. */
  end(): void {
    this.#outOfReach(new LogUnavailable('log_closed', 'the router has stopped'));
  }

  async #with<T>(use: (log: EventLog) => Promise<T>): Promise<T> {
    for (;;) {
      const log = this.#log ?? (await this.#reopened());
      try {
        const answer = await use(log);
        this.#failure = undefined;
        return answer;
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        const closedMeanwhile = error.code === 'log_closed' && log !== this.#log;
        if (closedMeanwhile) continue;
        this.#failure = error;
        throw error;
      }
    }
  }

  async #reopened(): Promise<EventLog> {
    // It will be tried again, but that may take hours.
    if (this.#trouble !== undefined) throw outOfReach(this.#trouble);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(
        new LogUnavailable(
          'log_closed',
          `expected the event log to open within ${WAIT_MS} ms, found it closed`,
        ),
      );
    }, WAIT_MS);
    try {
      await Promise.race([this.#opened.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
    return this.#log ?? this.#reopened();
  }

  async #start(context: ChildContext): Promise<Running> {
    const log = await this.#reached();
    const unsubscribe = log.onAppended((happened) => this.witness(happened));
    this.#trouble = undefined;
    this.#log = log;
    this.#opened.resolve();
    const letGo = async () => {
      if (this.#log === log) {
        this.#log = undefined;
        this.#trouble = undefined;
        this.#failure = undefined;
        this.#opened = Promise.withResolvers();
      }
      await log.close();
      unsubscribe();
    };
    return {
      stop: letGo,
      crash: (error) => {
        const exit = () => context.exited(crashed(error));
        // If closing fails as well, that cannot be repaired here.
        void letGo().then(exit, exit);
      },
    };
  }

  async #reached(): Promise<EventLog> {
    try {
      return await this.#whole(await this.#open());
    } catch (error) {
      this.#outOfReach(error as Error);
      throw error;
    }
  }

  /** Callers that wait look again. */
  #outOfReach(trouble: Error): void {
    this.#trouble = trouble;
    this.#opened.resolve();
    this.#opened = Promise.withResolvers();
  }

  /** Checks that the log has everything that was ever told: an older copy would lack what was acknowledged since. */
  async #whole(log: EventLog): Promise<EventLog> {
    try {
      const position = await log.position();
      if (position < this.#last) {
        const expected = `expected the log to reach position ${this.#last}`;
        throw new DataUnusable(
          'data_behind',
          `${expected}, found that it ends at ${position}: an older copy`,
        );
      }
      this.#last = position;
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }
}

function outOfReach(trouble: Error): LogUnavailable {
  return new LogUnavailable('log_closed', `expected an open event log, found: ${trouble.message}`, trouble);
}
