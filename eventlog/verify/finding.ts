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

type Place = { readonly position: unknown; readonly stream: unknown };

/** Of a damaged row, any column may be anything, and a number larger than positions are. */
export function findingAt(
  { position, stream }: Place,
  type: Finding['type'],
  expected: string,
  found: string,
): Finding {
  const at = Number.isSafeInteger(position) ? Number(position) : 0;
  return { type, position: at, stream: String(stream ?? ''), expected, found };
}

export function fileDamaged(found: string): Finding {
  return { type: 'file_damaged', position: 0, stream: '', expected: 'a sound file', found };
}

export function unreadable(position: Position, stream: string, found: string): Finding {
  return findingAt({ position, stream }, 'event_unreadable', 'an event that can be read', found);
}
