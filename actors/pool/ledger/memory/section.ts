/**
 * The critical section: one thread, one pool, all or nothing. Every write inside goes through `set`, which notes the
 * old value first, so that it can be put back if the thread dies half-way.
 *
 *   enter ─▶ set … set ─▶ commit ─▶ set … commit ─▶ exit
 *                 └─ a throw ─▶ rollback ─┘
 */
import assert from 'node:assert/strict';
import { AREA, ARENA, UNDO_ENTRIES } from './layout.ts';
import { Memory } from './memory.ts';

/** The main thread did not get a lock within its bound: try again in a later turn of the event loop. */
export class LedgerBusy extends Error {
  override readonly name = 'LedgerBusy';
  readonly code = 'ledger_busy';
}

// Somebody sleeps on this lock: whoever frees it wakes one. It is a bit of the lock word, not a count beside it: a
// count leaks when a thread dies asleep.
const CONTENDED = 0x100;
const OWNER = 0xff;
// About as long as two operations take; after that the holder has probably lost its processor.
const SPINS = 200;
// The longest delay that a lost wake-up can cause.
const SLEEP_MS = 1;
// The main thread waits no longer than this for a lock, since it alone can free the lock of a dead worker.
const MAIN_SLEEPS = 2;

export class Section extends Memory {
  readonly thread: number;
  readonly area: number;
  private readonly owner: number;
  private readonly undo: number;
  private readonly sleeps: number;

  /** `sleeps`: how often it sleeps for a lock before giving up with LedgerBusy. */
  constructor(
    buffer: SharedArrayBuffer,
    thread: number,
    sleeps = thread === 0 ? MAIN_SLEEPS : Number.POSITIVE_INFINITY,
  ) {
    super(buffer);
    assert(thread >= 0 && thread < this.threads, `expected a thread below ${this.threads}, found ${thread}`);
    this.thread = thread;
    this.owner = thread + 1;
    this.area = this.areaOf(thread);
    this.undo = this.area + AREA.undo;
    this.sleeps = sleeps;
    assert(this.words[this.area + AREA.undoCount] === 0, `thread ${thread} was not reaped`);
  }

  enter(lock: number): void {
    if (Atomics.compareExchange(this.words, lock, 0, this.owner) !== 0) this.enterLate(lock);
    if (this.words[ARENA.size] !== this.words.length) this.look();
  }

  /** Publishes the records of what was committed, then lets others in. */
  exit(lock: number): void {
    this.publish(this.area);
    const found = Atomics.exchange(this.words, lock, 0);
    if ((found & CONTENDED) !== 0) Atomics.notify(this.words, lock, 1);
  }

  /** The only way to write inside. */
  set(at: number, value: number): void {
    this.note(at);
    this.words[at] = value;
  }

  /** For a field of two words. */
  setDouble(at: number, value: number): void {
    this.note(at);
    this.note(at + 1);
    this.doubles[at >> 1] = value;
  }

  /** Makes final what was done so far, whatever happens to this thread. */
  commit(): void {
    this.words[this.area + AREA.undoCount] = 0;
  }

  /** Undoes what this thread did since its last commit. */
  rollback(): void {
    this.rollbackArea(this.area);
  }

  /** As `rollback`, for a dead thread. */
  rollbackArea(area: number): void {
    const words = this.words;
    for (let count = words[area + AREA.undoCount]!; count > 0; count--) {
      const entry = area + AREA.undo + 2 * (count - 1);
      words[words[entry]!] = words[entry + 1]!;
    }
    words[area + AREA.undoCount] = 0;
  }

  /** Makes the records of an area visible to readers, up to its head. */
  publish(area: number): void {
    const words = this.words;
    const head = words[area + AREA.recordHead]!;
    if (words[area + AREA.recordsPublished] === head) return;
    Atomics.store(words, area + AREA.recordsPublished, head);
  }

  /** Whether this lock is held by a thread. */
  isHeldBy(lock: number, thread: number): boolean {
    return (Atomics.load(this.words, lock) & OWNER) === thread + 1;
  }

  /** Takes over the lock of a dead thread. */
  inherit(lock: number, dead: number): void {
    for (;;) {
      const found = Atomics.load(this.words, lock);
      assert((found & OWNER) === dead + 1, `expected a lock of thread ${dead}, found ${found & OWNER}`);
      const mine = (found & CONTENDED) | this.owner;
      if (Atomics.compareExchange(this.words, lock, found, mine) === found) return;
    }
  }

  private note(at: number): void {
    const words = this.words;
    const count = words[this.area + AREA.undoCount]!;
    if (count >= UNDO_ENTRIES) throw new RangeError(`expected at most ${UNDO_ENTRIES} writes in one step`);
    const entry = this.undo + 2 * count;
    words[entry] = at;
    words[entry + 1] = words[at]!;
    words[this.area + AREA.undoCount] = count + 1;
  }

  private enterLate(lock: number): void {
    const words = this.words;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(words, lock) === 0 && Atomics.compareExchange(words, lock, 0, this.owner) === 0)
        return;
    }
    for (let slept = 0; ; slept++) {
      // Others may sleep too, so a thread that has slept takes the lock as contended.
      const found = Atomics.compareExchange(words, lock, 0, this.owner | CONTENDED);
      if (found === 0) return;
      if (slept >= this.sleeps) throw new LedgerBusy(`lock ${lock} is held by thread ${(found & OWNER) - 1}`);
      const marked = found | CONTENDED;
      if (Atomics.compareExchange(words, lock, found, marked) === found)
        Atomics.wait(words, lock, marked, SLEEP_MS);
    }
  }
}
