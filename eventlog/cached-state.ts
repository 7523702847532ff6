/** A fold of a stream as it is kept beside the log, with a checksum that tells damage from another state. */
import { EventUnreadable } from './errors.ts';
import type { Json, Position } from './event-log.ts';
import type { StoredCurrent } from './log-reader.ts';
import { checksumOf } from './stored-event.ts';

export type SealedState = StoredCurrent & { readonly checksum: number };

export function stateChecksum(stream: string, version: number, state: string): number {
  return checksumOf(`${stream}\n${version}\n${state}`);
}

/** The state, or undefined where the row is not what was written. */
export function openState(
  stream: string,
  version: number,
  state: string,
  checksum: number,
): Json | undefined {
  if (stateChecksum(stream, version, state) !== checksum) return undefined;
  return JSON.parse(state) as Json;
}

/** `position`: that of the last event folded, as far as it is known. */
export function damagedState(stream: string, version: number, position: Position): EventUnreadable {
  return new EventUnreadable(
    position,
    stream,
    `expected the current row of version ${version} as it was written, found it damaged; rebuilding it from the log mends it`,
  );
}
