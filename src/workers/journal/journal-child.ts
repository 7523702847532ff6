/**
 * The journal's thread under supervision by the main thread. Nothing depends on it at any moment: the rings keep
 * their content for its successor.
 */
import type { Worker } from 'node:worker_threads';
import { type ChildContext, crashed, type Running, type StopReason } from '../../../actors/index.ts';
import { newThread, programBeside } from '../../threads/index.ts';
import type { FromJournal, JournalBoot, ToJournal } from './journal-messages.ts';

export class JournalChild implements Running {
  readonly #worker: Worker;
  /** Resolves when the thread runs; rejects if it ends first. */
  readonly begun: Promise<void>;
  /** Resolves when the thread has ended, for whatever reason. */
  readonly exit: Promise<void>;
  #error: unknown;
  #stopping = false;

  constructor(boot: JournalBoot, hear: (message: FromJournal) => void, context: ChildContext) {
    this.#worker = newThread(programBeside(import.meta.url, './journal-thread'), {
      name: 'journal',
      workerData: boot,
    });
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.begun.catch(() => {});
    this.#worker.once('online', begun.resolve);
    this.#worker.on('message', hear);
    this.#worker.on('error', (error) => {
      this.#error = error;
    });
    this.exit = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#error ??= new Error(`the journal's thread ended with exit code ${code}`);
        begun.reject(this.#error);
        resolve();
        if (!this.#stopping) context.exited(crashed(this.#error));
      });
    });
  }

  post(message: ToJournal): void {
    this.#worker.postMessage(message);
  }

  crash(error: Error): void {
    this.post({ type: 'fail', message: error.message });
  }

  async stop(reason: StopReason): Promise<void> {
    this.#stopping = true;
    if (reason === 'shutdown') this.post({ type: 'stop' });
    else void this.#worker.terminate();
    await this.exit;
  }
}
