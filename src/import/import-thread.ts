/**
 * The import thread as the main thread sees it: a supervised child that starts with the first import. A thread of its
 * own reads lines ahead for it. It asks for the turn; while it has the turn, nothing else decides or appends.
 *
 *   bytes ─▶ chunks drafted ─▶ turn ─▶ sealed and written there ─▶ witnessed and in force here ─▶ result
 */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { type ChildSpec, type LendingDesk, refusalFor } from '../../actors/index.ts';
import { programBeside, ThreadOnDemand } from '../threads/index.ts';
import type { ChunkResult } from './chunks.ts';
import { ImportSession, ImportThreadLost, NOTHING } from './import-session.ts';
import type { Importer, ImportWish } from './importer.ts';
import { type FromImporter, type ImportBoot, type Piece, type ToImporter, WANTED } from './messages.ts';
import { roomyHeap, withRoomyNursery } from './roomy-heap.ts';

export type ImportThreadOptions = {
  /** The data directory. */
  readonly directory: string;
  readonly desk: () => LendingDesk;
  /** The router's own addresses, which no backend may have. */
  readonly listeners: () => readonly string[];
  /** How long an idle thread waits for the next import before it ends; 30 000 by default. */
  readonly idleMs?: number;
};

// More imports at once would only delay each other.
const MAX_AT_ONCE = 4;
const IDLE_MS = 30_000;

export class ImportThread implements Importer {
  readonly #options: ImportThreadOptions;
  readonly #thread: ThreadOnDemand<ToImporter, FromImporter>;
  readonly #sessions = new Map<number, ImportSession>();
  readonly #queue: (() => void)[] = [];
  readonly #wanted = new Int32Array(new SharedArrayBuffer(4));
  #atOnce = 0;
  #lastId = 0;

  constructor(options: ImportThreadOptions) {
    this.#options = options;
    this.#thread = new ThreadOnDemand<ToImporter, FromImporter>({
      id: 'importer',
      name: 'import',
      program: programBeside(import.meta.url, './importing-thread'),
      workerData: { directory: options.directory, wanted: this.#wanted } satisfies ImportBoot,
      idleMs: options.idleMs ?? IDLE_MS,
      hear: (message) => this.#hear(message),
      lost: () => {
        const sessions = [...this.#sessions.values()];
        this.#sessions.clear();
        for (const session of sessions) session.lose();
      },
      unavailable: (why) => new ImportThreadLost(why),
      born: withRoomyHeap,
    });
  }

  childSpec(): ChildSpec {
    return this.#thread.childSpec();
  }

  /** Whether the thread exists, with memory of its own. */
  get isBorn(): boolean {
    return this.#thread.isBorn;
  }

  async *import(source: AsyncIterable<Uint8Array>, wish: ImportWish): AsyncGenerator<ChunkResult, void> {
    await this.#turn();
    const id = ++this.#lastId;
    const session = new ImportSession(Math.max(wish.first ?? 1, wish.from ?? 1), {
      go: (turn) => this.#thread.post({ type: 'go', id, turn }),
      wanted: (by) => void Atomics.or(this.#wanted, 0, WANTED[by]),
    });
    const { port1, port2 } = new MessageChannel();
    try {
      await this.#thread.wanted();
      this.#sessions.set(id, session);
      const listeners = this.#options.listeners();
      this.#thread.post({ type: 'begin', id, wish, listeners, bytes: port2 }, [port2]);
      void this.#pump(id, session, source, port1);
      yield* session.results();
    } catch (error) {
      yield session.cutShort(error instanceof ImportThreadLost ? error.rejection : refusalFor(error));
    } finally {
      this.#cancel(id, session);
      port1.close();
      this.#leave();
    }
  }

  /** Piece by piece, as there is room. */
  async #pump(
    id: number,
    session: ImportSession,
    source: AsyncIterable<Uint8Array>,
    port: MessagePort,
  ): Promise<void> {
    port.on('message', () => session.credits.add());
    try {
      for await (const bytes of source) {
        await session.credits.take();
        // The memory of what a socket read may be shared, so it cannot be transferred.
        const own = Uint8Array.from(bytes);
        port.postMessage(own satisfies Piece, [own.buffer]);
      }
      port.postMessage(null satisfies Piece);
    } catch (error) {
      // The sender is gone, and perhaps nobody wants results any more; or the import is over and takes no more lines.
      this.#cancel(id, session, error);
    }
  }

  #hear(message: FromImporter): void {
    const { id } = message;
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    switch (message.type) {
      case 'turn':
        session.turn = message.turn;
        void this.#borrow(id, session);
        return;
      case 'wrote':
        session.wrote(message);
        return;
      case 'result':
        session.take(message.result);
        return;
      case 'ended':
        this.#sessions.delete(id);
        session.wrote(NOTHING);
        session.end();
        return;
      case 'failed':
        this.#sessions.delete(id);
        session.wrote(NOTHING);
        session.fail(new Error(message.message));
        return;
    }
  }

  async #borrow(id: number, session: ImportSession): Promise<void> {
    try {
      await this.#options.desk().lend(session);
    } catch (error) {
      this.#cancel(id, session, error);
    }
  }

  /**
   * The session stays known until the thread has sent its last message about it: a chunk may be in the middle of being
   * written.
   */
  #cancel(id: number, session: ImportSession, error?: unknown): void {
    if (session.isOver) return;
    if (error === undefined) session.end();
    else session.fail(error);
    this.#thread.post({ type: 'cancel', id });
  }

  async #turn(): Promise<void> {
    if (this.#atOnce < MAX_AT_ONCE) this.#atOnce += 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  #leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#atOnce -= 1;
    else next();
    if (this.#atOnce === 0) this.#thread.rest();
  }
}

/** For as long as the thread lives rather than per import: a large file may come in many imports. */
function withRoomyHeap(make: () => Worker): Worker {
  const thread = withRoomyNursery(make);
  const roomy = roomyHeap();
  return thread.once('exit', () => roomy[Symbol.dispose]());
}
