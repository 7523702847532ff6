/**
 * The drafting thread as the import thread sees it: it delivers one commit's chunks at a time, a few requested ahead.
 * If it fails, the import thread fails, which is supervised.
 */
import type { MessagePort } from 'node:worker_threads';
import { draftWorker, fitting } from './draft-worker.ts';
import type { DraftedChunk } from './drafted.ts';
import { Inbox } from './inbox.ts';
import { type Begin, FITTING, type FromDrafter, type ToDrafter } from './messages.ts';

// Enough to write while the drafting thread waits for a core; not more, because a command waits for what was read
// before it came.
const AHEAD = 3;

export class Drafter {
  readonly #drafts = new Map<number, Drafts>();
  #stopping = false;

  constructor(lines: number) {
    this.fit(lines);
    draftWorker.on('message', (message: FromDrafter) => this.#hear(message));
    draftWorker.on('error', (error) => {
      throw error;
    });
    draftWorker.on('exit', (code) => {
      if (!this.#stopping) throw new Error(`the thread import-drafts ended with exit code ${code}`);
    });
  }

  /** Sets the number of lines per chunk from now on. */
  fit(lines: number): void {
    Atomics.store(fitting, FITTING.lines, lines);
  }

  /** Tells the drafting thread not to draft this many of the next chunks. */
  spare(chunks: number): void {
    Atomics.store(fitting, FITTING.spared, chunks);
  }

  begin(message: Begin): Drafts {
    const { id } = message;
    this.#tell(message, [message.bytes]);
    const drafts = new Drafts(
      () => this.#tell({ type: 'take', id }),
      () => {
        this.#drafts.delete(id);
        this.#tell({ type: 'cancel', id });
      },
    );
    this.#drafts.set(id, drafts);
    return drafts;
  }

  stop(): void {
    this.#stopping = true;
    draftWorker.postMessage({ type: 'stop' });
  }

  #tell(message: ToDrafter, transfer: readonly MessagePort[] = []): void {
    draftWorker.postMessage(message, transfer);
  }

  #hear(message: FromDrafter): void {
    const came = this.#drafts.get(message.id)?.came;
    if (message.type === 'chunks') came?.push(message.chunks);
    else came?.end(message.type === 'failed' ? { error: new Error(message.message) } : {});
  }
}

/** The drafts of one import; the last of all chunks may be one that cannot be read. */
export class Drafts {
  readonly came = new Inbox<readonly DraftedChunk[]>();
  readonly #room: () => void;
  readonly #close: () => void;

  /** `room` is called once for each commit's chunks that may come, `close` when no more are wanted. */
  constructor(room: () => void, close: () => void) {
    this.#room = room;
    this.#close = close;
    for (let ahead = 0; ahead < AHEAD; ahead++) room();
  }

  /** Whether chunks can be taken, or will be within this time, or it is known that none will come. */
  isAtHand(withinMs: number): Promise<boolean> {
    return this.came.isAtHand(withinMs);
  }

  /** The chunks to write in one commit; undefined: there are no more. Throws the error that it failed with. */
  async take(): Promise<readonly DraftedChunk[] | undefined> {
    const chunks = await this.came.take();
    this.#room();
    return chunks;
  }

  close(): void {
    this.#close();
  }
}
