/** What is read about owners and their streams, and the limits of a read. */
import type { Json } from './json.ts';
import type { StreamName } from './names.ts';
import type { Position, Version } from './position.ts';

/** An owner as of `version`, the state that folding its stream gives. */
export type Current = {
  readonly stream: StreamName;
  readonly version: Version;
  readonly state: Json;
};

/** A fold of a stream's first `version` events; `state` null: none, then. `hash` is that of the last event it folds. */
export type Snapshot = {
  readonly stream: StreamName;
  readonly version: Version;
  readonly position: Position;
  readonly hash: string;
  readonly state: Json;
};

export type ReadOptions = {
  /** First position (or, of one stream, version) to read, inclusive; 1 by default. */
  readonly from?: number;
  /** Last one, inclusive; the end by default. */
  readonly to?: number;
  /** At most this many; 1 000 by default and at most 10 000. */
  readonly limit?: number;
  /** No more once what was read has so many characters of text: one at least, and fewer than there are, perhaps. */
  readonly characters?: number;
};
