/**
 * The segments of a writer: one is being written, the others are kept for reading, and the oldest are deleted when
 * there are too many.
 */
import { statSync } from 'node:fs';
import type { Vocabulary } from '../vocabulary.ts';
import { type LastBlock, readLastBlock, Segment } from './segment.ts';
import {
  beginSegment,
  bytesOf,
  dropSegment,
  hasWriteAheadLog,
  inOrderOfRuns,
  makeJournalDirectory,
  modifiedAtMs,
  type SegmentFile,
  segmentFiles,
  segmentPath,
} from './segment-files.ts';

export type Retention = { readonly maxBytes: number; readonly maxAgeMs: number };

export type Limits = { readonly segmentBytes: number; readonly segmentAgeMs: number };

/** `isBeside`: another run is still writing, and will be for a while. */
export type Writer = { readonly run: number; readonly isBeside: boolean };

// 1/8 of what is kept, so that dropping the oldest drops little; at most 128 MiB, which are copied in a second.
const SHARE = 8;
const MOST_SEGMENT_BYTES = 134_217_728;
const LEAST_SEGMENT_BYTES = 131_072;

export class Segments {
  readonly #directory: string;
  readonly #vocabulary: Vocabulary;
  readonly #retention: Retention;
  readonly #limits: Limits;
  readonly #writer: Writer;
  // Segments that are full: they no longer change.
  readonly #full = new Map<number, { readonly bytes: number; readonly endedAtMs: number }>();
  #segment: Segment | undefined;
  #createdAtMs = 0;
  /** When its last block was written. */
  #endedAtMs = 0;
  /** The largest size seen of the file being written, without what SQLite keeps beside it. */
  #mainBytes = 0;
  #isFull = false;
  #another = false;
  /** Of the segment being written, or that was written last; 0: none yet. */
  number = 0;

  constructor(
    directory: string,
    vocabulary: Vocabulary,
    retention: Retention,
    writer: Writer,
    limits: Partial<Limits> = {},
  ) {
    this.#writer = writer;
    this.#directory = directory;
    this.#vocabulary = vocabulary;
    this.#retention = retention;
    const share = Math.floor(retention.maxBytes / SHARE);
    this.#limits = {
      segmentBytes: Math.min(MOST_SEGMENT_BYTES, Math.max(LEAST_SEGMENT_BYTES, share)),
      segmentAgeMs: Math.ceil(retention.maxAgeMs / SHARE),
      ...limits,
    };
  }

  get isOpen(): boolean {
    return this.#segment !== undefined;
  }

  /**
   * Opens the newest segment that can be continued, or a new one. A run that has begun a segment continues only its own,
   * since another run may be writing too. Returns the last block of this run, else the last of all; beside another run,
   * only this run's.
   */
  open(nowMs: number): LastBlock | undefined {
    const { run, isBeside } = this.#writer;
    const files = segmentFiles(this.#directory);
    const others = isBeside ? [] : files;
    const last = lastOf(files, run) ?? lastOf(inOrderOfRuns(others, runOf));
    const empty = others.slice(-1).find((file) => runOf(file) === undefined);
    const newest = empty ?? last?.file;
    if (newest !== undefined && !this.#another) this.#goOnWith(newest);
    this.#endedAtMs = Math.min(last?.sealedAtMs ?? nowMs, nowMs);
    if (this.#segment === undefined) this.#create((files.at(-1)?.number ?? 0) + 1, nowMs);
    this.#another = false;
    return last;
  }

  /** The segment to which the next block belongs. */
  current(nowMs: number): Segment {
    this.#endedAtMs = nowMs;
    if (this.#isFull || this.#segment === undefined) {
      this.#segment?.close(true);
      this.#segment = undefined;
      const newest = segmentFiles(this.#directory).at(-1)?.number ?? 0;
      this.#create(Math.max(newest, this.number) + 1, nowMs);
    }
    return this.#segment as unknown as Segment;
  }

  /** Looks at the files, drops what is too much or too old, and decides when a new segment is due. */
  keepHouse(nowMs: number): { readonly bytes: number; readonly count: number } {
    const { maxBytes, maxAgeMs } = this.#retention;
    const files = segmentFiles(this.#directory);
    // Before the first is opened, it is the newest that may be continued.
    const number = this.number === 0 ? files.at(-1)?.number : this.number;
    const own = files.find((file) => file.number === number);
    const ownBytes = own === undefined ? 0 : bytesOf(own.path);
    const ageMs = nowMs - this.#createdAtMs;
    // A segment from the future was made by a clock that has been set back since, so its age is unknown.
    const isOld = (ageMs >= this.#limits.segmentAgeMs || ageMs < 0) && this.#segment?.isEmpty === false;
    // A file that somebody removed or truncated is useless to write to; by itself it only grows.
    const mainBytes = own === undefined ? -1 : (statSync(own.path, { throwIfNoEntry: false })?.size ?? -1);
    const isSpoilt = mainBytes < this.#mainBytes;
    this.#mainBytes = Math.max(this.#mainBytes, mainBytes);
    this.#isFull = ownBytes >= this.#limits.segmentBytes || isOld || isSpoilt;
    const others = files.filter((file) => file !== own);
    let bytes = others.reduce((sum, file) => sum + this.#ofBefore(file, nowMs).bytes, ownBytes);
    let kept = others.length;
    for (const file of others) {
      const before = this.#ofBefore(file, nowMs);
      if (bytes <= maxBytes && nowMs - before.endedAtMs <= maxAgeMs) break;
      dropSegment(file.path);
      this.#full.delete(file.number);
      bytes -= before.bytes;
      kept--;
    }
    // Where no requests come, no block begins another segment, and what is too old or too much would stay in this one.
    const isDue = bytes > maxBytes || nowMs - this.#endedAtMs > maxAgeMs;
    if (this.#isFull && isDue && this.#segment?.isEmpty === false) this.current(nowMs);
    return { bytes, count: kept + 1 };
  }

  close(): void {
    this.#segment?.close(true);
    this.#segment = undefined;
  }

  /** After a failure: the transaction is rolled back, and the file is opened again or another one begun. */
  abandon(): void {
    this.#segment?.close(false);
    this.#segment = undefined;
  }

  useAnother(): void {
    this.#another = true;
  }

  #use(segment: Segment): void {
    this.#segment = segment;
    this.number = segment.number;
    this.#createdAtMs = segment.createdAtMs;
    this.#isFull = false;
    this.#mainBytes = 0;
  }

  #create(number: number, nowMs: number): void {
    makeJournalDirectory(this.#directory);
    const path = segmentPath(this.#directory, number);
    beginSegment(path);
    try {
      this.#use(Segment.create(path, number, this.#vocabulary, nowMs));
    } catch (error) {
      // If the disk is full, for instance, each attempt would otherwise leave an empty file, one a second.
      dropSegment(path);
      throw error;
    }
  }

  /** If anything is wrong with an existing file, a new one can be written. */
  #goOnWith({ path, number }: SegmentFile): void {
    try {
      const segment = Segment.open(path, number, this.#vocabulary);
      if (segment === undefined) return;
      if (bytesOf(path) < this.#limits.segmentBytes) this.#use(segment);
      else segment.close(true);
    } catch {
      // Its readers will report what is wrong with it.
    }
  }

  #ofBefore(file: SegmentFile, nowMs: number): { readonly bytes: number; readonly endedAtMs: number } {
    const known = this.#full.get(file.number);
    if (known !== undefined) return known;
    // A segment that cannot be read is kept as long as if it could.
    const saidMs = lastOf([file])?.sealedAtMs ?? modifiedAtMs(file.path);
    // A segment that ended in the future would otherwise be kept until then, along with all after it.
    const endedAtMs = Math.min(saidMs, nowMs);
    const found = { bytes: bytesOf(file.path), endedAtMs };
    // A segment with a write-ahead log may still be written by another run.
    if (!hasWriteAheadLog(file.path)) this.#full.set(file.number, found);
    return found;
  }
}

/** The last block that can be read, of this run or of any. */
function lastOf(
  files: readonly SegmentFile[],
  run?: number,
): (LastBlock & { readonly file: SegmentFile }) | undefined {
  for (const file of files.toReversed()) {
    try {
      const last = readLastBlock(file.path);
      if (last !== undefined && (run === undefined || last.run === run)) return { ...last, file };
    } catch {
      // As in `#goOnWith`.
    }
  }
  return undefined;
}

function runOf(file: SegmentFile): number | undefined {
  return lastOf([file])?.run;
}
