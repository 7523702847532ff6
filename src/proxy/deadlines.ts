/**
 * All time-outs of one worker on one coarse clock: a wheel of lists, turned every `tickMs`.
 *
 * Moving a deadline to a later time, as traffic does, is one store: the entry stays where it is in the wheel and is
 * moved when its old turn comes. A deadline never fires early, and fires within a tick after it has passed.
 *
 * The wheel turns after pending reads: if the loop was blocked, a peer whose bytes have arrived was not silent.
 */

/** Embedded in whatever has a time-out; re-armed any number of times. */
export class Deadline {
  atMs = Number.POSITIVE_INFINITY;
  /** The turn whose list holds it; Infinity: none. */
  turn = Number.POSITIVE_INFINITY;
  previous: Deadline = this;
  next: Deadline = this;
  readonly expire: (nowMs: number) => void;

  constructor(expire: (nowMs: number) => void) {
    this.expire = expire;
  }
}

// 100 ms: an eighth of the shortest default; turning an empty wheel costs next to nothing.
const TICK_MS = 100;
// 1 024 turns of 100 ms: longer than every default, so that entries seldom go round twice.
const TURNS = 1024;

const nothing = (): void => {};

export class Deadlines {
  readonly #now: () => number;
  readonly #failed: (error: unknown) => void;
  readonly #tickMs: number;
  readonly #lists: readonly Deadline[];
  #turned: number;
  /** When the wheel last turned: a free clock for uses that tolerate an age of one tick. */
  turnedAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Deadlines are judged by the time of the tick, but fire only after pending reads. */
  readonly #tick = (): void => {
    this.#dueMs = this.#now();
    setImmediate(this.#turn);
  };
  readonly #turn = (): void => {
    if (this.#timer !== undefined) this.turn(this.#dueMs);
  };
  #dueMs = 0;

  /** `failed` receives what a deadline throws; the other deadlines fire all the same. */
  constructor(now: () => number, failed: (error: unknown) => void, tickMs = TICK_MS) {
    this.#now = now;
    this.#failed = failed;
    this.#tickMs = tickMs;
    this.turnedAtMs = now();
    this.#turned = Math.floor(this.turnedAtMs / tickMs);
    this.#lists = Array.from({ length: TURNS }, () => new Deadline(nothing));
  }

  start(): void {
    this.#timer ??= setInterval(this.#tick, this.#tickMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  set(deadline: Deadline, atMs: number): void {
    deadline.atMs = atMs;
    const turn = Math.ceil(atMs / this.#tickMs);
    if (turn >= deadline.turn) return;
    if (deadline.turn !== Number.POSITIVE_INFINITY) unlink(deadline);
    this.#link(deadline, turn);
  }

  /** The entry stays in its list until its turn comes, and then does nothing. */
  clear(deadline: Deadline): void {
    deadline.atMs = Number.POSITIVE_INFINITY;
  }

  /** For an owner that is gone: removes every reference to the deadline. */
  remove(deadline: Deadline): void {
    deadline.atMs = Number.POSITIVE_INFINITY;
    if (deadline.turn !== Number.POSITIVE_INFINITY) unlink(deadline);
  }

  /** `nowMs`: the time before the reads, which may themselves take long. */
  turn(nowMs = this.#now()): void {
    this.turnedAtMs = nowMs;
    const until = Math.floor(nowMs / this.#tickMs);
    // After a long stall, one round visits every list.
    const from = Math.max(this.#turned + 1, until - TURNS + 1);
    this.#turned = Math.max(this.#turned, until);
    for (let turn = from; turn <= until; turn++) this.#fire(this.#lists[turn % TURNS] as Deadline, nowMs);
  }

  #fire(list: Deadline, nowMs: number): void {
    // Move the whole list out first, so that entries that are re-armed here are not visited again.
    const leaving = new Deadline(nothing);
    while (list.next !== list) {
      const entry = list.next;
      unlink(entry);
      insert(entry, leaving, 0);
    }
    while (leaving.next !== leaving) {
      const entry = leaving.next;
      unlink(entry);
      if (entry.atMs <= nowMs) {
        entry.atMs = Number.POSITIVE_INFINITY;
        this.#expire(entry, nowMs);
      } else if (entry.atMs !== Number.POSITIVE_INFINITY) {
        this.#link(entry, Math.ceil(entry.atMs / this.#tickMs));
      }
    }
  }

  #expire(deadline: Deadline, nowMs: number): void {
    try {
      deadline.expire(nowMs);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Adds the entry to the list of its turn, or to the furthest list if the turn is beyond it. */
  #link(deadline: Deadline, turn: number): void {
    const nearest = this.#turned + 1;
    const place = Math.min(Math.max(turn, nearest), this.#turned + TURNS - 1);
    insert(deadline, this.#lists[place % TURNS] as Deadline, place);
  }
}

function insert(deadline: Deadline, list: Deadline, turn: number): void {
  const last = list.previous;
  deadline.turn = turn;
  deadline.previous = last;
  deadline.next = list;
  last.next = deadline;
  list.previous = deadline;
}

function unlink(deadline: Deadline): void {
  deadline.previous.next = deadline.next;
  deadline.next.previous = deadline.previous;
  deadline.previous = deadline;
  deadline.next = deadline;
  deadline.turn = Number.POSITIVE_INFINITY;
}
