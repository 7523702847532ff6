/** The drafting thread, started as soon as this module loads. It imports little, so that it loads at once. */
import { Worker } from 'node:worker_threads';
import { programBeside } from '../threads/program-beside.ts';
import { withRoomyNursery } from './roomy-heap.ts';

/** Instructions for drafting, in shared memory; `FITTING` names the indexes. */
export const fitting = new Int32Array(new SharedArrayBuffer(8));

export const draftWorker = withRoomyNursery(
  () =>
    new Worker(programBeside(import.meta.url, './drafting-thread'), {
      name: 'import-drafts',
      workerData: { fitting },
    }),
);
