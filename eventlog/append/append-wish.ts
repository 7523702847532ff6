/** What one append asks for, and what its caller is told. */
import type { Recorded, SwitchyardEvent } from '../events/events.ts';
import type { Json } from '../json.ts';
import type { StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';
import type { PoolClash } from './pool-clash.ts';

export type Write = {
  readonly stream: StreamName;
  /** The stream must have this version, or nothing of the whole append is written. */
  readonly expected: Version;
  /** Empty: the write only checks that the stream has not moved. */
  readonly events: readonly SwitchyardEvent[];
  /** The owner's state after these events, kept as its current row; null removes the row. */
  readonly current: Json;
};

export type Append = {
  /** 1 to 200 characters. A second append with the same id writes nothing and gets the answer of the first. */
  readonly commandId: string;
  /** Digest of the command, to distinguish a repetition from an id that is used again for something else. */
  readonly digest: string;
  readonly author: string;
  readonly causation?: Position;
  /** Kept beside the command id and returned on repetition. */
  readonly answer: Json;
  /** All or nothing; at most one entry per stream. */
  readonly writes: readonly Write[];
};

export type Appended =
  | {
      readonly type: 'appended';
      /** The log's last position after this append, even if it wrote no event. */
      readonly position: Position;
      readonly events: readonly Recorded[];
    }
  | { readonly type: 'repeated'; readonly position: Position; readonly answer: Json }
  | { readonly type: 'reused'; readonly commandId: string }
  /** The pool cannot be made under this name: another pool has its key. */
  | ({ readonly type: 'clash' } & PoolClash)
  | {
      readonly type: 'conflict';
      readonly stream: StreamName;
      readonly expected: Version;
      readonly found: Version;
      /** At most 100 of the events that won: those of the stream after `expected`. */
      readonly won: readonly Recorded[];
    };

export type AnsweredCommand = {
  readonly commandId: string;
  readonly position: Position;
  readonly answer: Json;
};
