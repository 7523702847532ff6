/**
 * Starts a thread from the main thread, however long the process has been running and whatever has happened to the
 * directory it was started in.
 */
import { realpathSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { addressesLeft } from './system-limit.ts';

const GIB = 1024 ** 3;
// A thread takes 0.8, and that of imports has one beside it.
const ROOM_GIB = 2;

/** As Node tells of a thread that the system has none for. */
export class ThreadUnavailable extends Error {
  override readonly name = 'ThreadUnavailable';
  readonly code = 'ERR_WORKER_INIT_FAILED';
}

/** Throws `ThreadUnavailable` where there are too few addresses: with none for a thread the runtime ends the whole process. */
export function newThread(program: URL, options: WorkerOptions): Worker {
  const leftGib = addressesLeft() / GIB;
  if (leftGib < ROOM_GIB)
    throw new ThreadUnavailable(
      `expected ${ROOM_GIB} GiB of addresses (ulimit -v) left for the thread ${options.name}, found ${Math.max(0, leftGib).toFixed(1)}`,
    );
  leaveLostDirectory();
  return new Worker(program, options);
}

/** A thread asks for the working directory before it runs anything, and Node ends it where that was removed, as a deployment may. */
function leaveLostDirectory(): void {
  try {
    realpathSync.native('.');
  } catch {
    // Nothing was to be found by a relative path any more.
    process.chdir('/');
  }
}
