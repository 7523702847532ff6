/**
 * The thread of imports as the main thread has it: a supervised child that is born with the first import. It reads lines
 * by itself; for some chunks at a time it asks for the turn, and while it has it nobody else decides or appends.
 *
 *   bytes ─▶ chunks read ─▶ turn ─▶ decided and written there ─▶ witnessed and in force here ─▶ result
 */
import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import type { ChildSpec, LendingDesk } from '../../actors/index.ts';
import type { Happened } from '../../eventlog/index.ts';
import { programBeside, ThreadOnDemand } from '../threads/index.ts';
import type { ChunkResult } from './chunks.ts';
import { ImportSession, ImportThreadLost } from './import-session.ts';
import type { Importer, ImportWish } from './importer.ts';
import type { FromImporter, ImportBoot, ToImporter } from './messages.ts';
import { roomyHeap } from './roomy-heap.ts';

export type ImportThreadOptions = {
  /** The data directory. */
  readonly directory: string;
  readonly desk: () => LendingDesk;
  /** Our own addresses, which no backend may be. */
  readonly listeners: () => readonly string[];
  /** How long the thread waits for a next import before it goes; 30 000 by default. */
  readonly idleMs?: number;
};

// More than this at once only make each other later.
const MAX_AT_ONCE = 4;
const IDLE_MS = 30_000;
// 16 MiB, V8's own default: of an import nearly nothing lives, so that a roomy nursery is hardly ever looked through. The
// command starts with a tight one, since threads that route leave next to no garbage.
const NURSERY = '--max-semi-space-size';
const ROOMY = 16;

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
      unavailable: () => new ImportThreadLost(),
      born: withRoomyHeap,
    });
  }

  childSpec(): ChildSpec {
    return this.#thread.childSpec();
  }

  /** Whether there is a thread, with memory of its own. */
  get isBorn(): boolean {
    return this.#thread.isBorn;
  }

  async *import(source: AsyncIterable<Uint8Array>, wish: ImportWish): AsyncGenerator<ChunkResult, void> {
    await this.#turn();
    const id = ++this.#lastId;
    const session = new ImportSession(Math.max(wish.first ?? 1, wish.from ?? 1));
    try {
      await this.#thread.wanted();
      this.#sessions.set(id, session);
      this.#thread.post({ type: 'begin', id, wish, listeners: this.#options.listeners() });
      void this.#pump(id, session, source);
      yield* session.results();
    } catch (error) {
      if (!(error instanceof ImportThreadLost)) throw error;
      yield session.cutShort(error.rejection);
    } finally {
      this.#cancel(id, session);
      this.#leave();
    }
  }

  /** Piece by piece, as there is room for them. */
  async #pump(id: number, session: ImportSession, source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of source) {
        await session.room();
        if (session.isOver) return;
        // What a socket read lies in memory that others may share.
        const own = Uint8Array.from(bytes);
        this.#thread.post({ type: 'bytes', id, bytes: own }, [own.buffer]);
      }
      this.#thread.post({ type: 'bytes', id });
    } catch (error) {
      // Whoever sends is gone, and perhaps nobody asks for results any more.
      this.#cancel(id, session);
      session.fail(error);
    }
  }

  #hear(message: FromImporter): void {
    const { id } = message;
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    switch (message.type) {
      case 'more':
        session.more();
        return;
      case 'turn':
        session.lendTo(() => this.#lent(id, session));
        return;
      case 'wrote':
        session.wrote(message.packed);
        return;
      case 'result':
        session.take(message.result);
        return;
      case 'ended':
        this.#sessions.delete(id);
        session.end();
        return;
      case 'failed':
        this.#sessions.delete(id);
        session.fail(new Error(message.message));
        return;
    }
  }

  #lent(id: number, session: ImportSession): ReturnType<LendingDesk['lend']> {
    const wanted = () => void Atomics.store(this.#wanted, 0, 1);
    return this.#options.desk().lend(() => this.#written(id, session), wanted);
  }

  async #written(id: number, session: ImportSession): Promise<Happened | undefined> {
    if (session.isOver) return undefined;
    const written = session.written();
    this.#thread.post({ type: 'go', id });
    return written;
  }

  /** It stays known until the thread has said its last of it: a chunk may just be written. */
  #cancel(id: number, session: ImportSession): void {
    if (session.isOver) return;
    session.end();
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

/** As long as the thread lives, and not for each import: a large file comes in many. */
function withRoomyHeap(make: () => Worker): Worker {
  const thread = withRoomyNursery(make);
  const roomy = roomyHeap();
  return thread.once('exit', () => roomy[Symbol.dispose]());
}

/** The flag is read when a thread makes its heap, which is over once it is online. */
function withRoomyNursery(make: () => Worker): Worker {
  const tight = process.execArgv.find((argument) => argument.startsWith(`${NURSERY}=`));
  if (tight === undefined) return make();
  setFlagsFromString(`${NURSERY}=${ROOMY}`);
  return make().once('online', () => setFlagsFromString(tight));
}
