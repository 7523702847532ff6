/**
 * The journal as the main thread sees it: the memory that threads record into, the thread that writes it to disk, and
 * the main thread's own records: names and checkpoints. Routing never depends on any of it.
 */
import { join } from 'node:path';
import {
  type ChildContext,
  type ChildSpec,
  keyOf,
  type MainLedger,
  type Running,
} from '../../../actors/index.ts';
import {
  createJournalMemory,
  JOURNAL_DIRECTORY,
  type JournalShared,
  RingProducer,
  writeName,
} from '../../../eventlog/index.ts';
import type { ProcessSettings } from '../../config/index.ts';
import { JOURNAL_WORDS } from '../../telemetry/journal-words.ts';
import { RequestJournal } from '../../telemetry/request-journal.ts';
import { Checkpoints } from './checkpoints.ts';
import { JournalChild } from './journal-child.ts';
import type { FromJournal } from './journal-messages.ts';

export type JournalOptions = {
  readonly settings: ProcessSettings['journal'];
  /** The data directory. */
  readonly directory: string;
  readonly ledger: MainLedger;
  /** The ledger's number of threads; each has a ring. */
  readonly threads: number;
  /** Another process goes on writing the journal for a while. */
  readonly isBeside: boolean;
  readonly now: () => number;
  /** Whether the journal's thread writes the log's pages back now. */
  readonly writesBack: (is: boolean) => void;
  readonly warn: (message: string) => void;
};

/** What a thread needs to record its requests. */
export type JournalShare = { readonly shared: JournalShared; readonly queryStrings: boolean };

const SHUTDOWN_MS = 5000;
const FLUSH_MS = 5000;
// The main thread's ring is primarily for checkpoints, and for requests if the main thread routes.
const ROOM_FOR_NAMES = 0.25;

export class Journal {
  readonly share: JournalShare;
  readonly #options: JournalOptions;
  readonly #ring: RingProducer;
  readonly #checkpoints: Checkpoints;
  readonly #waiting = new Map<number, (isAll: boolean) => void>();
  #child: JournalChild | undefined;
  #hasBegun = false;
  #lastFlush = 0;

  constructor(options: JournalOptions) {
    const { settings, threads, now } = options;
    this.#options = options;
    const shared = createJournalMemory({ rings: threads, run: Math.floor(now()) });
    this.share = { shared, queryStrings: settings.queryStrings };
    this.#ring = new RingProducer(shared, 0);
    this.#checkpoints = new Checkpoints(options.ledger, this.#ring, now);
  }

  childSpec(): ChildSpec {
    return {
      id: 'journal',
      kind: 'journal',
      restart: 'permanent',
      // The router runs without a journal if it must.
      isDispensable: true,
      shutdownMs: SHUTDOWN_MS,
      start: (context) => this.#start(context),
    };
  }

  /** For requests that the main thread routes: they go through its own ring. */
  requests(): RequestJournal {
    return new RequestJournal(this.#ring, this.share.queryStrings);
  }

  /** Records the names behind the keys in records. */
  named(pool: string, backends: Iterable<string>): void {
    this.#name(pool);
    for (const backend of backends) this.#name(backend);
  }

  /** Afterwards, everything that ended before the call can be read; false: not all of it could be written. */
  flush(): Promise<boolean> {
    const child = this.#child;
    if (child === undefined) return Promise.resolve(false);
    this.#lastFlush += 1;
    const id = this.#lastFlush;
    return new Promise((resolve) => {
      const answer = (isAll: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(isAll);
      };
      const timer = setTimeout(answer, FLUSH_MS, false);
      this.#waiting.set(id, answer);
      child.post({ type: 'flush', id });
    });
  }

  /** The first start does not wait for the thread, since the rings keep what is recorded; a restart does. */
  #start(context: ChildContext): Running | Promise<Running> {
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    const { directory, settings, ledger, isBeside } = this.#options;
    const child = new JournalChild(
      {
        data: directory,
        directory: join(directory, JOURNAL_DIRECTORY),
        shared: this.share.shared,
        ledger: ledger.shared,
        vocabulary: JOURNAL_WORDS,
        maxBytes: settings.maxBytes,
        maxAgeMs: settings.maxAgeMs,
        isBeside,
      },
      (message) => this.#hear(message),
      context,
    );
    this.#child = child;
    void child.exit.then(() => this.#lost(child));
    this.#checkpoints.start((error) => this.#child?.crash(error as Error));
    const running: Running = {
      stop: async (reason) => {
        if (this.#child === child) this.#checkpoints.stop();
        try {
          if (reason === 'shutdown') this.#checkpoints.tick();
        } finally {
          await child.stop(reason);
        }
      },
      crash: (error) => child.crash(error),
    };
    return isFirst ? running : child.begun.then(() => running);
  }

  /** Its questions will not be answered. Ignored if another child has already replaced this one. */
  #lost(child: JournalChild): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#options.writesBack(false);
    for (const answer of this.#waiting.values()) answer(false);
  }

  #hear(message: FromJournal): void {
    if (message.type === 'warning') this.#options.warn(message.message);
    else if (message.type === 'writes_back') this.#options.writesBack(message.is);
    else if (message.type === 'flushed') this.#waiting.get(message.id)?.(message.isAll);
  }

  #name(name: string): void {
    if (this.#ring.fullness < ROOM_FOR_NAMES) writeName(this.#ring, keyOf(name), name);
  }
}
