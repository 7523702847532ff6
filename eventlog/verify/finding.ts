/** One fault found in a log, and its description. */
import type { Position } from '../position.ts';

export type Finding = {
  readonly type:
    | 'file_damaged'
    | 'base_wrong'
    | 'event_missing'
    | 'event_unreadable'
    | 'chain_broken'
    | 'time_reversed'
    | 'version_wrong'
    | 'snapshot_wrong'
    | 'current_wrong';
  /**
   * Position of the event concerned; 0: the file itself. For a snapshot or a current row, of the last event it folds; 0:
   * there is none.
   */
  readonly position: Position;
  readonly stream: string;
  readonly expected: string;
  readonly found: string;
};

export function fileDamaged(found: string): Finding {
  return { type: 'file_damaged', position: 0, stream: '', expected: 'a sound file', found };
}

export function unreadable(position: Position, stream: string, found: string): Finding {
  return { type: 'event_unreadable', position, stream, expected: 'an event that can be read', found };
}
