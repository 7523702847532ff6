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

/** `isBeside`: another run is writing still, and goes on to do so for a while. */
export type Writer = { readonly run: number; readonly isBeside: boolean };

// 1/8 of what is kept, so that dropping the oldest drops little; never more than 128 MiB, which is copied in a second.
const SHARE = 8;
const MOST_SEGMENT_BYTES = 134_217_728;
const LEAST_SEGMENT_BYTES = 131_072;

export class Segments {
  readonly #directory: string;
  readonly #vocabulary: Vocabulary;
  readonly #retention: Retention;
  readonly #limits: Limits;
  // Of those that are full: they do not change any more.
  readonly #full = new Map<number, { readonly bytes: number; readonly endedAtMs: number }>();
  #segment: Segment | undefined;
  #createdAtMs = 0;
  /** The most that was seen of the file that is written, without what SQLite keeps beside it. */
  #mainBytes = 0;
  #isFull = false;
  #another = false;
  number = 0;
  readonly #writer: Writer;

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
   * The newest that can be gone on with, or a new one: of a run that has begun one of its own, since another run may write as well.
   * Returns the last block of this run, else the last of all; none beside another run.
   */
  open(nowMs: number): LastBlock | undefined {
    const { run, isBeside } = this.#writer;
    const files = segmentFiles(this.#directory);
    const others = isBeside ? [] : files;
    const last = lastOf(files, run) ?? lastOf(inOrderOfRuns(others, runOf));
    const empty = others.slice(-1).find((file) => runOf(file) === undefined);
    const newest = empty ?? last?.file;
    if (newest !== undefined && !this.#another) this.#goOnWith(newest);
    if (this.#segment === undefined) this.#create((files.at(-1)?.number ?? 0) + 1, nowMs);
    this.#another = false;
    return last;
  }

  /** Where the next block belongs. */
  current(nowMs: number): Segment {
    if (this.#isFull || this.#segment === undefined) {
      this.#segment?.close(true);
      this.#segment = undefined;
      const newest = segmentFiles(this.#directory).at(-1)?.number ?? 0;
      this.#create(Math.max(newest, this.number) + 1, nowMs);
    }
    return this.#segment as unknown as Segment;
  }

  /** Sees what there is, drops what is too much or too old, and says when a new segment is due. */
  keepHouse(nowMs: number): { readonly bytes: number; readonly count: number } {
    const { maxBytes, maxAgeMs } = this.#retention;
    const files = segmentFiles(this.#directory);
    const own = files.find((file) => file.number === this.number);
    const ownBytes = own === undefined ? 0 : bytesOf(own.path);
    const ageMs = nowMs - this.#createdAtMs;
    // Begun in what is to come: by a clock that was set back since, so that its age is not known.
    const isOld = (ageMs >= this.#limits.segmentAgeMs || ageMs < 0) && this.#segment?.isEmpty === false;
    // A file that somebody removed or cut off is written to no end; by itself it only grows.
    const mainBytes = own === undefined ? -1 : (statSync(own.path, { throwIfNoEntry: false })?.size ?? -1);
    const isSpoilt = mainBytes < this.#mainBytes;
    this.#mainBytes = Math.max(this.#mainBytes, mainBytes);
    this.#isFull = ownBytes >= this.#limits.segmentBytes || isOld || isSpoilt;
    const others = files.filter((file) => file.number !== this.number);
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
    return { bytes, count: kept + 1 };
  }

  close(): void {
    this.#segment?.close(true);
    this.#segment = undefined;
  }

  /** After a failure: its transaction is undone, its file is opened again or another begun. */
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
      // For want of room, say: else each attempt would leave a file with nothing in it, one a second.
      dropSegment(path);
      throw error;
    }
  }

  /** Whatever is wrong with a file of before, a new one can be written. */
  #goOnWith({ path, number }: SegmentFile): void {
    try {
      const segment = Segment.open(path, number, this.#vocabulary);
      if (segment === undefined) return;
      if (bytesOf(path) < this.#limits.segmentBytes) this.#use(segment);
      else segment.close(true);
    } catch {
      // Its readers will say what is wrong with it.
    }
  }

  #ofBefore(file: SegmentFile, nowMs: number): { readonly bytes: number; readonly endedAtMs: number } {
    const known = this.#full.get(file.number);
    if (known !== undefined) return known;
    // One that cannot be read is kept for as long as if it could.
    const saidMs = lastOf([file])?.sealedAtMs ?? modifiedAtMs(file.path);
    // One that ended in what is to come would be kept until then, and all that are behind it.
    const endedAtMs = Math.min(saidMs, nowMs);
    const found = { bytes: bytesOf(file.path), endedAtMs };
    // One with a write-ahead log may be written still, by another run.
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
      // As above.
    }
  }
  return undefined;
}

function runOf(file: SegmentFile): number | undefined {
  return lastOf([file])?.run;
}
