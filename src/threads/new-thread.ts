/** A thread that the main one starts, however long the process has been running and whatever became of where it was started. */
import { realpathSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';

export function newThread(program: URL, options: WorkerOptions): Worker {
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
