/** What the writer has taken from the rings and not yet committed: the next row of a segment. */
import { ByteWriter } from '../bytes.ts';
import { FRAME } from '../ring/frame.ts';
import { RAW } from '../ring/raw-request.ts';
import type { RingConsumer } from '../ring/ring-consumer.ts';
import { IdHashes } from './filter.ts';
import { packRequest } from './pack-request.ts';
import { PoolIndex } from './pool-index.ts';
import { idHash, REQUEST_FLAG } from './request-frame.ts';

export class Block {
  /** Frames of requests, one after the other. */
  readonly requests = new ByteWriter();
  /** As packed by the ledger. */
  readonly operations = new ByteWriter();
  /** Pool, ticket, time, length and state of each, one after the other. */
  readonly checkpoints = new ByteWriter();
  readonly pools = new PoolIndex();
  readonly names = new Map<number, string>();
  readonly ids = new IdHashes();
  /** Hashes of the ids given by trusted peers. */
  readonly peers = new IdHashes();
  requestCount = 0;
  operationCount = 0;
  checkpointCount = 0;
  firstStartedAtMs = Number.POSITIVE_INFINITY;
  lastStartedAtMs = 0;

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
    this.peers.clear();
    this.requestCount = 0;
    this.operationCount = 0;
    this.checkpointCount = 0;
    this.firstStartedAtMs = Number.POSITIVE_INFINITY;
    this.lastStartedAtMs = 0;
  }

  /** Takes what is in a ring of requests, up to about this many bytes. */
  takeFrom(ring: RingConsumer, mostBytes: number): void {
    ring.look((kind, offset, length) => {
      if (this.bytes >= mostBytes) return false;
      if (kind === FRAME.request) this.#takeRequest(ring, offset, length);
      else if (kind === FRAME.name) this.#takeName(ring, offset);
      else if (kind === FRAME.checkpoint) this.#takeCheckpoint(ring, offset);
      return true;
    });
  }

  #takeRequest(ring: RingConsumer, offset: number, length: number): void {
    packRequest(ring, offset, length, this.requests);
    const { words, doubles } = ring;
    const at = offset >> 2;
    const startedAtMs = doubles[(at + RAW.startedAtMs) >> 1]!;
    if (startedAtMs < this.firstStartedAtMs) this.firstStartedAtMs = startedAtMs;
    if (startedAtMs > this.lastStartedAtMs) this.lastStartedAtMs = startedAtMs;
    this.ids.add(idHash(words[at + RAW.where]!, words[at + RAW.sequence]!));
    if ((words[at + RAW.more]! & (REQUEST_FLAG.peer << 16)) !== 0) {
      this.ids.add(words[at + RAW.peerHash]!);
      this.peers.add(words[at + RAW.peerHash]!);
    }
    this.requestCount++;
  }

  #takeName({ words, doubles, bytes }: RingConsumer, offset: number): void {
    const from = offset + 16;
    const length = words[(offset >> 2) + 1]!;
    this.names.set(
      doubles[(offset >> 3) + 1]!,
      Buffer.from(bytes.slice(from, from + length)).toString('utf8'),
    );
  }

  #takeCheckpoint({ words, doubles, bytes }: RingConsumer, offset: number): void {
    const half = offset >> 3;
    const poolKey = doubles[half + 1]!;
    const ticket = doubles[half + 2]!;
    const length = words[(offset >> 2) + 1]!;
    const into = this.checkpoints;
    into.reserve(length + 32);
    into.count(poolKey);
    into.count(ticket);
    into.double(doubles[half + 3]!);
    into.count(length);
    into.copy(bytes.subarray(offset + 32, offset + 32 + length));
    this.pools.addCheckpoint(poolKey, ticket);
    this.checkpointCount++;
  }
}
