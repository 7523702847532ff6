/**
 * Recorded events as a stream: first the existing ones, then each new one, without a gap and without repetition. It
 * buffers nothing for a slow reader: while one catches up, new events are only noted, and read from the log when it
 * gets there. So a feed needs at most one page of memory, however far behind it is.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Subscriber } from 'rxjs';
// One class of the package's two hundred modules: loading all of them would cost each thread 55 ms at its start.
import { Observable } from 'rxjs/internal/Observable';
import type { Happened } from './append/happened.ts';
import type { EventLog } from './event-log.ts';
import type { Recorded } from './events/events.ts';
import type { Position } from './position.ts';

export type FeedSource = Pick<EventLog, 'read' | 'position' | 'onAppended'>;

// 500: about a millisecond of reading before other work has its turn.
const PAGE = 500;

/**
 * For readers that are done with an event when `next` returns; live events arrive in the turn in which they became durable.
 * Fails with `EventUnreadable` at the first event that cannot be read, and completes when `ended` is aborted.
 */
export function feed(log: FeedSource, from: Position = 1, ended?: AbortSignal): Observable<Recorded> {
  return new Observable((subscriber) => {
    const complete = () => subscriber.complete();
    if (ended?.aborted === true) return complete();
    ended?.addEventListener('abort', complete, { once: true });
    const feeding = new Feeding(log, from, subscriber);
    feeding.start().catch((error: unknown) => subscriber.error(error));
    return () => {
      feeding.stop();
      ended?.removeEventListener('abort', complete);
    };
  });
}

class Feeding {
  readonly #log: FeedSource;
  readonly #subscriber: Subscriber<Recorded>;
  readonly #unsubscribe: () => void;
  #next: Position;
  /** The last position known to be in the log. */
  #tip: Position = 0;
  #live = false;

  constructor(log: FeedSource, from: Position, subscriber: Subscriber<Recorded>) {
    this.#log = log;
    this.#subscriber = subscriber;
    this.#next = from;
    // Before anything is read: what is appended from now on is either in a later page or delivered live.
    this.#unsubscribe = log.onAppended((happened) => this.#appended(happened));
  }

  async start(): Promise<void> {
    const position = await this.#log.position();
    this.#tip = Math.max(this.#tip, position);
    while (this.#next <= this.#tip && !this.#subscriber.closed) {
      const tip = this.#tip;
      const events = await this.#log.read({ from: this.#next, limit: PAGE });
      // Everything up to there is archived: the log continues after it.
      if (events.length === 0) this.#next = tip + 1;
      this.#deliver(events);
      await nextTurn();
    }
    // In the same step as the comparison with the tip: nothing can be appended in between.
    this.#live = true;
  }

  stop(): void {
    this.#unsubscribe();
  }

  #appended(happened: Happened): void {
    this.#tip = happened.last;
    if (this.#live) this.#deliver(happened.events);
  }

  #deliver(events: readonly Recorded[]): void {
    for (const event of events) {
      // Live events before the requested position: the caller asked for future ones.
      if (event.position < this.#next) continue;
      this.#next = event.position + 1;
      this.#subscriber.next(event);
    }
  }
}
