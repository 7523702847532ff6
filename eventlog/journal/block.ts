/** What the writer has taken from the rings and not yet committed: one row of a segment to be. */
import { ByteWriter } from './bytes.ts';
import { IdHashes } from './filter.ts';
import { FRAME } from './frame.ts';
import { PoolIndex } from './pool-index.ts';
import { idHash, REQUEST_FLAG, REQUEST_WORD } from './request-frame.ts';
import type { RingConsumer } from './ring-consumer.ts';

export class Block {
  /** Frames of requests, one behind the other. */
  readonly requests = new ByteWriter();
  /** As the ledger packs them. */
  readonly operations = new ByteWriter();
  /** Pool, ticket, time, length, state: one behind the other. */
  readonly checkpoints = new ByteWriter();
  readonly pools = new PoolIndex();
  readonly names = new Map<number, string>();
  readonly ids = new IdHashes();
  requestCount = 0;
  operationCount = 0;
  checkpointCount = 0;
  firstStartedAtMs = Number.POSITIVE_INFINITY;
  lastStartedAtMs = 0;
  // Frames of requests mostly lie side by side: what was seen and not yet copied.
  #from = 0;
  #to = 0;

  get bytes(): number {
    return this.requests.at + this.operations.at + this.checkpoints.at;
  }

  get isEmpty(): boolean {
    return this.bytes === 0 && this.names.size === 0;
  }

  clear(): void {
    this.requests.at = 0;
    this.operations.at = 0;
    this.checkpoints.at = 0;
    this.pools.clear();
    this.names.clear();
    this.ids.clear();
    this.requestCount = 0;
    this.operationCount = 0;
    this.checkpointCount = 0;
    this.firstStartedAtMs = Number.POSITIVE_INFINITY;
    this.lastStartedAtMs = 0;
  }

  /** Takes what there is in a ring of requests, up to about so many bytes. */
  takeFrom(ring: RingConsumer, view: DataView, mostBytes: number): void {
    this.#from = 0;
    this.#to = 0;
    ring.look((kind, offset, length) => {
      if (this.bytes + this.#to - this.#from >= mostBytes) return false;
      if (kind === FRAME.request) {
        this.#takeRequest(ring, view, offset, length);
        return true;
      }
      if (kind === FRAME.name) this.#takeName(ring, view, offset);
      else if (kind === FRAME.checkpoint) this.#takeCheckpoint(ring, view, offset);
      return true;
    });
    this.#copyRun(ring);
  }

  #takeRequest(ring: RingConsumer, view: DataView, offset: number, length: number): void {
    if (offset !== this.#to) {
      this.#copyRun(ring);
      this.#from = offset;
    }
    this.#to = offset + length;
    const { words } = ring;
    const at = offset >> 2;
    const startedAtMs = view.getFloat64(offset + 4 * REQUEST_WORD.startedAtMs, true);
    if (startedAtMs < this.firstStartedAtMs) this.firstStartedAtMs = startedAtMs;
    if (startedAtMs > this.lastStartedAtMs) this.lastStartedAtMs = startedAtMs;
    this.ids.add(idHash(words[at + REQUEST_WORD.where]!, words[at + REQUEST_WORD.sequence]!));
    if ((words[at + REQUEST_WORD.more]! & (REQUEST_FLAG.peer << 16)) !== 0)
      this.ids.add(words[at + REQUEST_WORD.peer]!);
    this.requestCount++;
  }

  #copyRun(ring: RingConsumer): void {
    const length = this.#to - this.#from;
    if (length > 0) {
      this.requests.reserve(length);
      this.requests.copy(ring.bytes.subarray(this.#from, this.#to));
    }
    this.#from = 0;
    this.#to = 0;
  }

  #takeName(ring: RingConsumer, view: DataView, offset: number): void {
    const key = view.getFloat64(offset + 4, true);
    const from = offset + 16;
    const length = ring.words[(offset + 12) >> 2]!;
    this.names.set(key, Buffer.from(ring.bytes.slice(from, from + length)).toString('utf8'));
  }

  #takeCheckpoint(ring: RingConsumer, view: DataView, offset: number): void {
    const poolKey = view.getFloat64(offset + 4, true);
    const ticket = view.getFloat64(offset + 12, true);
    const length = ring.words[(offset + 28) >> 2]!;
    const into = this.checkpoints;
    into.reserve(length + 32);
    into.count(poolKey);
    into.count(ticket);
    into.double(view.getFloat64(offset + 20, true));
    into.count(length);
    into.copy(ring.bytes.subarray(offset + 32, offset + 32 + length));
    this.pools.addCheckpoint(poolKey, ticket);
    this.checkpointCount++;
  }
}
