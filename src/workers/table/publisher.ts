/**
 * Publish, then fence: events are written to the board or posted to every worker's port, and only then is the count
 * of publications in shared memory raised. A worker whose own count is behind applies what it lacks before it routes.
 * So a change is in force once the count is raised, and nothing waits for a worker.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Happened } from '../../../eventlog/index.ts';
import { Board, type BoardShared } from './board.ts';
import { NameIndexWriter } from './name-index-writer.ts';
import { type Publication, publicationOf } from './publication.ts';

/** One count, shared by all threads. It may wrap around: it is only compared for equality. */
export type PublicationCount = Int32Array<SharedArrayBuffer>;

export function createPublicationCount(): PublicationCount {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

export class Publisher {
  readonly count: PublicationCount = createPublicationCount();
  readonly board = new Board();
  /** The index of all domain names; it changes in the same step as the count. */
  readonly names: NameIndexWriter;
  readonly #receivers = new Set<Receiver>();

  constructor(names = new NameIndexWriter()) {
    this.names = names;
  }

  publish(happened: Happened): void {
    let message: Publication | undefined;
    const publication = () => (message ??= publicationOf(happened));
    const number = (Atomics.load(this.count, 0) + 1) | 0;
    const unread = this.#unread(number);
    const isPinned = unread > 0 && this.board.pin(number, unread, happened);
    for (const receiver of this.#receivers) {
      if (!isPinned || receiver.seen === undefined) receiver.receive(happened, publication);
    }
    this.names.apply(happened, () => (Atomics.add(this.count, 0, 1) + 1) | 0);
  }

  /** From now on the receiver is sent everything that is not on the board. */
  enrol(receiver: Receiver): void {
    this.#receivers.add(receiver);
    if (receiver.seen !== undefined) Atomics.store(receiver.seen, 0, Atomics.load(this.count, 0));
  }

  dismiss(receiver: Receiver): void {
    this.#receivers.delete(receiver);
  }

  /** How many publications, including this one, the slowest reader of the board has not read; 0: nobody reads it. */
  #unread(number: number): number {
    let most = 0;
    for (const { seen } of this.#receivers) {
      if (seen !== undefined) most = Math.max(most, (number - Atomics.load(seen, 0)) | 0);
    }
    return most;
  }
}

export interface Receiver {
  /** How many publications it has taken, if it reads the board; otherwise everything is sent. */
  readonly seen?: PublicationCount;
  /** `publication`: the message for another thread, made once for all of them. */
  receive(happened: Happened, publication: () => Publication): void;
}

/** What a thread takes publications from. */
export type PublicationSource = {
  readonly port: MessagePort;
  readonly board: BoardShared;
  readonly count: PublicationCount;
  /** The same count as in its `Receiver`. */
  readonly seen: PublicationCount;
};

/** The worker's side: takes what was pinned or posted, in order, each publication once. */
export class Subscription {
  readonly #feed: PublicationSource;
  readonly #board: Board;
  readonly #apply: (publication: Publication) => void;
  readonly #lost: () => void;
  #seen: number;

  /** `lost`: a publication will never arrive. */
  constructor(feed: PublicationSource, apply: (publication: Publication) => void, lost: () => void) {
    this.#feed = feed;
    this.#board = new Board(feed.board);
    this.#apply = apply;
    this.#lost = lost;
    this.#seen = Atomics.load(feed.seen, 0);
    feed.port.on('messageerror', () => this.#miss(this.#seen + 1));
    feed.port.on('message', (publication: Publication) => {
      this.#readBoard();
      this.#take(publication);
    });
  }

  /** How many publications were taken. */
  get seen(): number {
    return this.#seen;
  }

  /** Waits at most `ms` for the count to rise, unless it is already ahead of what was taken. */
  await(ms: number): void {
    const counted = Atomics.load(this.#feed.count, 0);
    if (!this.#isBehind(counted)) Atomics.wait(this.#feed.count, 0, counted, ms);
  }

  /** Everything published before this call is applied after it. */
  catchUp(): void {
    const { count, port } = this.#feed;
    // Read once, first: what was counted by then is pinned or posted; later publications need not be.
    const counted = Atomics.load(count, 0);
    while (this.#isBehind(counted)) {
      this.#readBoard();
      if (!this.#isBehind(counted)) return;
      const received = receiveMessageOnPort(port);
      if (received === undefined) this.#miss(counted);
      else this.#take(received.message as Publication);
    }
  }

  /** False also if a 'message' event delivered a publication before it was counted. */
  #isBehind(counted: number): boolean {
    return ((counted - this.#seen) | 0) > 0;
  }

  #readBoard(): void {
    for (;;) {
      const pinned = this.#board.read((this.#seen + 1) | 0);
      if (pinned === undefined) return;
      this.#take(pinned);
    }
  }

  #miss(seen: number): void {
    this.#see(seen);
    this.#lost();
  }

  #take(publication: Publication): void {
    this.#see(this.#seen + 1);
    this.#apply(publication);
  }

  #see(seen: number): void {
    this.#seen = seen | 0;
    Atomics.store(this.#feed.seen, 0, this.#seen);
  }
}
