/** A cached fold of a stream, with a checksum that tells damage from a different state. */
import { EventUnreadable } from '../errors.ts';
import { checksumOf } from '../events/stored-event.ts';
import type { Json } from '../json.ts';
import type { StoredCurrent } from '../log-reader.ts';
import type { Position } from '../position.ts';

export type SealedState = StoredCurrent & { readonly checksum: number };

export function stateChecksum(stream: string, version: number, state: string): number {
  return checksumOf(`${stream}\n${version}\n${state}`);
}

/** The state; undefined: the row is not what was written. */
export function openState(
  stream: string,
  version: number,
  state: string,
  checksum: number,
): Json | undefined {
  return isIntact(stream, version, state, checksum) ? (JSON.parse(state) as Json) : undefined;
}

export function isIntact(stream: string, version: number, state: string, checksum: number): boolean {
  if (stateChecksum(stream, version, state) !== checksum) return false;
  // A flipped type bit in the file turns a text into a blob, which prints the same.
  return typeof stream === 'string' && typeof state === 'string';
}

/** `position`: of the last event folded, as far as it is known. */
export function damagedState(stream: string, version: number, position: Position): EventUnreadable {
  return new EventUnreadable(
    position,
    stream,
    `expected the current row of version ${version} as it was written, found it damaged; rebuilding it from the log mends it`,
  );
}
