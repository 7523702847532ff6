/** Reads a journal synchronously, beside its writer or at rest: all of its segments that still exist. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { isHeld, isPassing } from '../sqlite/sqlite-errors.ts';
import { writeAheadDamage } from '../sqlite/write-ahead-damage.ts';
import { parseRequestId } from './record-id.ts';
import type { RequestRecord } from './request-record.ts';
import type { JournalledCheckpoint } from './segment/checkpoint.ts';
import type { Gap } from './segment/gap.ts';
import { inOrderOfRuns, JOURNAL_DIRECTORY, type SegmentFile, segmentFiles } from './segment/segment-files.ts';
import { type OperationBlock, SegmentReader } from './segment/segment-reader.ts';
import { SegmentUnbegun } from './segment/segment-schema.ts';

/** Epoch milliseconds; a missing bound is no limit. */
export type TimeRange = { readonly fromMs?: number; readonly toMs?: number };

/** Progress in blocks. */
export type BlocksChecked = { readonly done: number; readonly of: number };

export interface JournalReader {
  /** Finds a request by our id, or the newest one by the id that a trusted peer gave. */
  find(id: string): RequestRecord | undefined;
  /** Finds requests by the id that a trusted peer gave, the newest first: it may have given it more than once. */
  ofPeer(id: string, most: number): readonly RequestRecord[];
  /** Requests that began in the range, roughly in the order in which they ended. */
  requests(range?: TimeRange): IterableIterator<RequestRecord>;
  /**
   * Blocks with operations of one pool or of all that were written in the range, up to a few seconds after the operations;
   * each run's in the order written: the tickets of neighbouring blocks may overlap a little.
   */
  operations(poolKey?: number, range?: TimeRange): IterableIterator<OperationBlock>;
  /** Of one pool or of all, in blocks that were written in the range. */
  checkpoints(poolKey?: number, range?: TimeRange): IterableIterator<JournalledCheckpoint>;
  /** Keys of the pools with operations in blocks that were written in the range. */
  pools(range?: TimeRange): ReadonlySet<number>;
  gaps(): readonly Gap[];
  /** Reads everything, in a step for each block; what is not as it was written is reported as damaged. */
  check(): IterableIterator<BlocksChecked>;
  /** The name behind a key of the ledger. */
  nameOf(key: number): string | undefined;
  /** The time that the journal covers; undefined: it is empty. */
  span(): { readonly fromMs: number; readonly toMs: number } | undefined;
  close(): void;
}

export type JournalReaderOptions = {
  /** Is told of segments and blocks that cannot be read; the rest is read all the same. */
  readonly damaged?: (path: string, error: unknown) => void;
  /** Is told of each segment that is opened: if it was reported as damaged before, the obstacle has passed. */
  readonly opened?: (path: string) => void;
  /** No more segments than these; all without. */
  readonly newest?: number;
};

/** `directory`: the data directory. If there is no journal yet, the reader is empty. */
export function openJournalReader(directory: string, options: JournalReaderOptions = {}): JournalReader {
  return new Reader(join(directory, JOURNAL_DIRECTORY), options);
}

class Reader implements JournalReader {
  readonly #directory: string;
  readonly #damaged: (path: string, error: unknown) => void;
  readonly #opened: (path: string) => void;
  readonly #open = new Map<number, SegmentReader>();
  /** How many reads are in the middle of each segment, or still have it to do. */
  readonly #wanted = new Map<SegmentReader, number>();
  /** Segments whose files are gone, but which are still wanted. */
  readonly #gone = new Set<SegmentReader>();
  readonly #names = new Map<number, string>();
  readonly #newest: number;

  constructor(
    directory: string,
    { damaged = () => {}, opened = () => {}, newest = Number.POSITIVE_INFINITY }: JournalReaderOptions,
  ) {
    this.#newest = newest;
    this.#directory = directory;
    this.#damaged = damaged;
    this.#opened = opened;
  }

  find(id: string): RequestRecord | undefined {
    const parts = parseRequestId(id);
    const segments = this.#segments();
    if (parts !== undefined) {
      // A request is stored where it ended: in the segment in which it began, or in a later one.
      for (const segment of segments) {
        const found = this.#within(segment, () => segment.find(parts));
        if (found !== undefined) return found;
      }
    }
    return this.ofPeer(id, 1)[0];
  }

  ofPeer(id: string, most: number): readonly RequestRecord[] {
    const found: RequestRecord[] = [];
    for (const segment of this.#segments().toReversed()) {
      this.#within(segment, () => {
        for (const request of segment.ofPeer(id)) if (found.push(request) === most) return;
      });
      if (found.length === most) break;
    }
    return found;
  }

  requests({ fromMs = 0, toMs = Number.MAX_VALUE }: TimeRange = {}): IterableIterator<RequestRecord> {
    return this.#all((segment) => segment.requests(fromMs, toMs));
  }

  operations(
    poolKey?: number,
    { fromMs = 0, toMs = Number.MAX_VALUE }: TimeRange = {},
  ): IterableIterator<OperationBlock> {
    return this.#all((segment) => segment.operations(poolKey, fromMs, toMs));
  }

  checkpoints(
    poolKey?: number,
    { fromMs = 0, toMs = Number.MAX_VALUE }: TimeRange = {},
  ): IterableIterator<JournalledCheckpoint> {
    return this.#all((segment) => segment.checkpoints(poolKey, fromMs, toMs));
  }

  pools({ fromMs = 0, toMs = Number.MAX_VALUE }: TimeRange = {}): ReadonlySet<number> {
    const found = new Set<number>();
    for (const segment of this.#segments())
      this.#within(segment, () => {
        for (const key of segment.poolsIn(fromMs, toMs)) found.add(key);
      });
    return found;
  }

  *check(): IterableIterator<BlocksChecked> {
    const counts = this.#segments().map((segment) => this.#within(segment, () => segment.blocks()) ?? 0);
    const known = counts.reduce((sum, count) => sum + count, 0);
    let done = 0;
    for (const _ of this.#all((segment) => segment.check())) {
      done += 1;
      yield { done, of: Math.max(done, known) };
    }
  }

  gaps(): readonly Gap[] {
    return this.#segments().flatMap((segment) => this.#within(segment, () => segment.gaps()) ?? []);
  }

  nameOf(key: number): string | undefined {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    for (const segment of this.#segments().toReversed()) {
      const name = this.#within(segment, () => segment.ownNameOf(key));
      if (name === undefined) continue;
      this.#names.set(key, name);
      return name;
    }
    return undefined;
  }

  span(): { readonly fromMs: number; readonly toMs: number } | undefined {
    const spans = this.#segments()
      .map((segment) => this.#within(segment, () => segment.span()))
      .filter((span) => span !== undefined);
    if (spans.length === 0) return undefined;
    return {
      fromMs: Math.min(...spans.map((span) => span.fromMs)),
      toMs: Math.max(...spans.map((span) => span.toMs)),
    };
  }

  close(): void {
    for (const segment of [...this.#open.values(), ...this.#gone]) segment.close();
    this.#open.clear();
    this.#gone.clear();
  }

  /** In the order of their runs, then in the order written. */
  #runs(): SegmentReader[] {
    return inOrderOfRuns(this.#segments(), (segment) => this.#within(segment, () => segment.run()));
  }

  /** Oldest first. Segments come and go during reads. */
  #segments(): SegmentReader[] {
    const files = segmentFiles(this.#directory).slice(-this.#newest);
    const present = new Set(files.map((file) => file.number));
    for (const [number, segment] of this.#open) {
      if (present.has(number)) continue;
      this.#open.delete(number);
      if (this.#wanted.has(segment)) this.#gone.add(segment);
      else segment.close();
    }
    return files.map((file) => this.#segment(file)).filter((segment) => segment !== undefined);
  }

  #segment({ number, path }: SegmentFile): SegmentReader | undefined {
    const known = this.#open.get(number);
    if (known !== undefined) return known;
    try {
      const segment = new SegmentReader(
        path,
        (key) => this.nameOf(key),
        (error) => this.#damaged(path, error),
      );
      this.#open.set(number, segment);
      this.#opened(path);
      return segment;
    } catch (error) {
      const damage = damageOf(path, error);
      if (damage !== undefined) this.#damaged(path, damage);
      return undefined;
    }
  }

  #within<T>(segment: SegmentReader, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isPassing(error)) this.#damaged(segment.path, error);
      return undefined;
    }
  }

  /** Reads to the end what exists when it begins: a segment that is dropped meanwhile is closed afterwards. */
  *#all<T>(read: (segment: SegmentReader) => IterableIterator<T>): IterableIterator<T> {
    const segments = this.#runs();
    for (const segment of segments) this.#wanted.set(segment, (this.#wanted.get(segment) ?? 0) + 1);
    try {
      for (const segment of segments) yield* this.#each(segment, read(segment));
    } finally {
      for (const segment of segments) this.#unwanted(segment);
    }
  }

  #unwanted(segment: SegmentReader): void {
    const others = this.#wanted.get(segment)! - 1;
    if (others > 0) this.#wanted.set(segment, others);
    else {
      this.#wanted.delete(segment);
      if (this.#gone.delete(segment)) segment.close();
    }
  }

  *#each<T>(segment: SegmentReader, items: IterableIterator<T>): IterableIterator<T> {
    for (;;) {
      const next = this.#within(segment, () => items.next());
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  }
}

/**
 * Undefined: nothing is wrong. The oldest segments may be dropped at any time, as may one that could not be begun; while one is
 * begun, its writer has it alone.
 */
function damageOf(path: string, error: unknown): unknown {
  if (isHeld(error) || lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  if (!(error instanceof SegmentUnbegun)) return error;
  // One whose very beginning is damaged in its write-ahead log seems to have nothing in it.
  const unread = writeAheadDamage(path);
  return unread && new RangeError(`expected a sound file, found ${unread}`);
}
