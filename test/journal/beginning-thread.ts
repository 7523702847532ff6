/** A thread that begins segments of a journal, one after the other, and drops them again, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { dropSegment, segmentPath } from '../../eventlog/journal/segment-files.ts';
import { Segments } from '../../eventlog/journal/segments.ts';

const { directory } = workerData as { directory: string };
const retention = { maxBytes: 2 ** 20, maxAgeMs: 60_000 };
const vocabulary = { methods: [], outcomes: [], phases: [], ends: [] };
const KEPT = 4;

let begun = 0;
let isStopped = false;
parentPort?.on('message', () => {
  isStopped = true;
});

function begin(): void {
  if (isStopped) {
    parentPort?.postMessage(begun);
    parentPort?.close();
    return;
  }
  const segments = new Segments(directory, vocabulary, retention);
  segments.useAnother();
  segments.open(begun);
  segments.close();
  begun += 1;
  dropSegment(segmentPath(directory, segments.number - KEPT));
  setImmediate(begin);
}
begin();
