/** A thread that begins so many segments of a journal, one after the other, and drops them again. */
import { workerData } from 'node:worker_threads';
import { dropSegment, segmentPath } from '../../../eventlog/journal/segment/segment-files.ts';
import { Segments } from '../../../eventlog/journal/segment/segments.ts';

const { directory, count } = workerData as { directory: string; count: number };
const retention = { maxBytes: 2 ** 20, maxAgeMs: 60_000 };
const vocabulary = { methods: [], outcomes: [], phases: [], ends: [] };
const KEPT = 4;

for (let begun = 0; begun < count; begun++) {
  const segments = new Segments(directory, vocabulary, retention, { run: 1, isBeside: false });
  segments.useAnother();
  segments.open(begun);
  segments.close();
  dropSegment(segmentPath(directory, segments.number - KEPT));
}
