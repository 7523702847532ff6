/**
 * Starts a thread from the main thread, however long the process has been running and whatever has happened to the
 * directory it was started in.
 */
import { realpathSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { withoutPrecedence } from './precedence.ts';
import { addressesLeft } from './system-limit.ts';

const GIB = 1024 ** 3;
// A thread takes 0.8 GiB, and the one for imports starts another.
const ROOM_GIB = 2;

/** With the code that Node uses if the system has no thread left. */
export class ThreadUnavailable extends Error {
  override readonly name = 'ThreadUnavailable';
  readonly code = 'ERR_WORKER_INIT_FAILED';
}

/** Throws `ThreadUnavailable` if address space is short: if a thread finds none, the runtime ends the whole process. */
export function newThread(program: URL, options: WorkerOptions): Worker {
  const leftGib = addressesLeft() / GIB;
  if (leftGib < ROOM_GIB)
    throw new ThreadUnavailable(
      `expected ${ROOM_GIB} GiB of addresses (ulimit -v) left for the thread ${options.name}, found ${Math.max(0, leftGib).toFixed(1)}`,
    );
  leaveLostDirectory();
  return withoutPrecedence(() => new Worker(program, options));
}

/** A new thread first asks for the working directory, and Node ends it if that was removed, as by a deployment. */
function leaveLostDirectory(): void {
  try {
    realpathSync.native('.');
  } catch {
    // Relative paths did not work any more anyway.
    process.chdir('/');
  }
}
