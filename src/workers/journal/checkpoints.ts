/**
 * Writes checkpoints of each pool's ledger into the journal: within a second of every operation, more often if there
 * are many, and once in each segment, so that a replay can begin anywhere. It does a little at a time, because this
 * is the main thread.
 */
import type { MainLedger } from '../../../actors/index.ts';
import { ByteWriter, type RingProducer, WRITER_STATUS, writeCheckpoint } from '../../../eventlog/index.ts';

const TICK_MS = 100;
const LOOK_EVERY_MS = 800;
// Replaying this many operations takes some ten milliseconds: what an explanation may cost.
const BUSY_TICKETS = 4096;
// With more pools, looking at all of them every 100 ms would be noticeable.
const FEW_POOLS = 5000;
// Each takes about 3 µs.
const MOST_A_TICK = 500;
// The rest of the ring is for the records of requests.
const ROOM = 0.5;

export class Checkpoints {
  readonly #ledger: MainLedger;
  readonly #ring: RingProducer;
  readonly #now: () => number;
  readonly #packed = new ByteWriter();
  /** Ticket of each pool's last checkpoint. */
  readonly #known = new Map<number, number>();
  readonly #due = new Set<number>();
  #lookAtMs = 0;
  #segment = -1;
  #timer: NodeJS.Timeout | undefined;

  constructor(ledger: MainLedger, ring: RingProducer, now: () => number) {
    this.#ledger = ledger;
    this.#ring = ring;
    this.#now = now;
  }

  /** `failed` is told of an exception of ours, after which no checkpoints are written. */
  start(failed: (error: unknown) => void): void {
    this.#timer ??= setInterval(() => {
      try {
        this.tick();
      } catch (error) {
        this.stop();
        failed(error);
      }
    }, TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  tick(): void {
    const nowMs = this.#now();
    if (this.#due.size === 0) {
      if (nowMs >= this.#lookAtMs) this.#look(nowMs);
      else if (this.#known.size <= FEW_POOLS) this.#lookForBusy();
    }
    let left = MOST_A_TICK;
    for (const poolKey of this.#due) {
      if (left-- === 0 || this.#ring.fullness > ROOM) return;
      this.#due.delete(poolKey);
      this.#checkpoint(poolKey, nowMs);
    }
  }

  #look(nowMs: number): void {
    const segment = this.#ring.writerStatus[WRITER_STATUS.segment]!;
    if (segment !== this.#segment) this.#known.clear();
    this.#segment = segment;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    let pools = 0;
    this.#ledger.tickets((poolKey, ticket) => {
      pools++;
      if (this.#known.get(poolKey) !== ticket) this.#due.add(poolKey);
    });
    // Forgets removed pools once there are many of them.
    if (this.#known.size > 2 * pools + MOST_A_TICK) this.#known.clear();
  }

  #lookForBusy(): void {
    this.#ledger.tickets((poolKey, ticket) => {
      const known = this.#known.get(poolKey);
      if (known !== undefined && ticket - known >= BUSY_TICKETS) this.#due.add(poolKey);
    });
  }

  /** If the ledger is locked or gone, the next look finds that out. */
  #checkpoint(poolKey: number, nowMs: number): void {
    this.#packed.at = 0;
    const ticket = this.#ledger.checkpoint(poolKey, this.#packed);
    if (ticket === 0) return;
    if (writeCheckpoint(this.#ring, poolKey, ticket, nowMs, this.#packed.written()))
      this.#known.set(poolKey, ticket);
  }
}
