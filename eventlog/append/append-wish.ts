/** What one append asks for, and what its caller is told. */
import type { Recorded, SwitchyardEvent } from '../events/events.ts';
import type { Json } from '../json.ts';
import type { StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';
import type { PoolClash } from './pool-clash.ts';

export type Write = {
  readonly stream: StreamName;
  /** The stream's version must be this, or nothing of the whole append is written. */
  readonly expected: Version;
  /** None: the write only guards that the stream has not moved. */
  readonly events: readonly SwitchyardEvent[];
  /** The owner's state once the events have happened, kept as its current row; null removes the row. */
  readonly current: Json;
};

export type Append = {
  /** 1 to 200 characters. A second append with the same id writes nothing and gets the first one's answer. */
  readonly commandId: string;
  /** Digest of what was asked, so that an id used again for something else is told from a repetition. */
  readonly digest: string;
  readonly author: string;
  readonly causation?: Position;
  /** Kept beside the command id and returned on repetition. */
  readonly answer: Json;
  /** All or nothing; one entry a stream. */
  readonly writes: readonly Write[];
};

export type Appended =
  | {
      readonly type: 'appended';
      /** The log's last position once this was written, even where it wrote no event. */
      readonly position: Position;
      readonly events: readonly Recorded[];
    }
  | { readonly type: 'repeated'; readonly position: Position; readonly answer: Json }
  | { readonly type: 'reused'; readonly commandId: string }
  /** A pool cannot be made under this name: it has the key of another. */
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
