/**
 * Publish, then fence: events go to every worker's port, and only then is the count of publications raised in
 * shared memory. A worker whose own count is behind drains its port before it routes, so whoever is told after
 * the raise that a change is in force can rely on it, while nobody waits for a worker.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Happened } from '../../eventlog/index.ts';
import { NameIndexWriter } from './name-index.ts';
import { type Publication, publicationOf } from './publication.ts';

/** One count, shared by all threads. It may wrap around: it is only compared for equality. */
export type PublicationCount = Int32Array<SharedArrayBuffer>;

export function createPublicationCount(): PublicationCount {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

export class Publisher {
  readonly count: PublicationCount = createPublicationCount();
  /** Of all domains there are; it changes with each publication, in the same step. */
  readonly names: NameIndexWriter;
  readonly #receivers = new Set<Receiver>();

  constructor(names = new NameIndexWriter()) {
    this.names = names;
  }

  publish(happened: Happened): void {
    let message: Publication | undefined;
    const publication = () => (message ??= publicationOf(happened));
    for (const receiver of this.#receivers) receiver.receive(happened, publication);
    this.names.apply(happened, () => (Atomics.add(this.count, 0, 1) + 1) | 0);
  }

  /** From now on this one is sent everything; what it is sent counts from the returned number. */
  enrol(receiver: Receiver): number {
    this.#receivers.add(receiver);
    return Atomics.load(this.count, 0);
  }

  dismiss(receiver: Receiver): void {
    this.#receivers.delete(receiver);
  }
}

export interface Receiver {
  /** `publication`: the same for another thread, made once for all of them. */
  receive(happened: Happened, publication: () => Publication): void;
}

/** The worker's end: what was posted, in order, each publication once. */
export class Subscription {
  readonly #port: MessagePort;
  readonly #count: PublicationCount;
  readonly #apply: (publication: Publication) => void;
  readonly #lost: () => void;
  #seen: number;

  /** `lost`: something was published and will not come. */
  constructor(
    port: MessagePort,
    count: PublicationCount,
    seen: number,
    apply: (publication: Publication) => void,
    lost: () => void,
  ) {
    this.#port = port;
    this.#count = count;
    this.#apply = apply;
    this.#lost = lost;
    this.#seen = seen;
    port.on('messageerror', () => this.#miss(this.#seen + 1));
    port.on('message', (publication: Publication) => this.#take(publication));
  }

  /** How many publications were taken. */
  get seen(): number {
    return this.#seen;
  }

  /** Waits for the next publication, at most so long. */
  await(ms: number): void {
    Atomics.wait(this.#count, 0, this.#seen, ms);
  }

  /** Everything published before this call is applied after it. */
  catchUp(): void {
    while (Atomics.load(this.#count, 0) !== this.#seen) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) {
        // Taken by the loop's own 'message' before it was counted; else what was counted was posted before, and is not there.
        const count = Atomics.load(this.#count, 0);
        if (((count - this.#seen) | 0) > 0) this.#miss(count);
        return;
      }
      this.#take(received.message as Publication);
    }
  }

  #miss(seen: number): void {
    this.#seen = seen | 0;
    this.#lost();
  }

  #take(publication: Publication): void {
    this.#seen = (this.#seen + 1) | 0;
    this.#apply(publication);
  }
}
