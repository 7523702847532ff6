/** What is read about owners and their streams, and the limits of a read. */
import type { Json } from './json.ts';
import type { StreamName } from './names.ts';
import type { Position, Version } from './position.ts';

/** An owner as of `version`: the state that its stream folds to. */
export type Current = {
  readonly stream: StreamName;
  readonly version: Version;
  readonly state: Json;
};

/** Some of the current rows of one kind of owner, in order of stream name. */
export type CurrentsPage = {
  readonly kind: 'domain' | 'pool';
  /** A stream name, exclusive. */
  readonly after?: string;
  readonly limit: number;
  /** Stops once the rows read have this many characters of text, after at least one row; so there may be more rows. */
  readonly characters?: number;
};

/**
 * The fold of a stream's first `version` events; `state` null: the owner did not exist then. `hash`: of the last event
 * folded.
 */
export type Snapshot = {
  readonly stream: StreamName;
  readonly version: Version;
  readonly position: Position;
  readonly hash: string;
  readonly state: Json;
};

export type ReadOptions = {
  /** First position (or version, for one stream) to read, inclusive; 1 by default. */
  readonly from?: number;
  /** Last one, inclusive; the end by default. */
  readonly to?: number;
  /** At most this many; 1 000 by default and at most 10 000. */
  readonly limit?: number;
  /** Stops once the rows read have this many characters of text, after at least one row; so there may be more rows. */
  readonly characters?: number;
};
