/**
 * An event as text and numbers, the way every adapter keeps it, with its seals: a checksum over its own bytes,
 * checked on every read, and a hash over the previous event's hash and these bytes, which makes the log a chain in
 * which nothing can be changed, left out or moved unnoticed.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Position, Version } from '../position.ts';

export type StoredEvent = {
  readonly position: Position;
  readonly stream: string;
  readonly version: Version;
  readonly type: string;
  /** Version of the shape of `data`, per type, from 1. */
  readonly schemaVersion: number;
  /** Canonical JSON. */
  readonly data: string;
  /** Canonical JSON. */
  readonly metadata: string;
  readonly recordedAtMs: number;
  /** CRC-32 of `bytesOf` this event. A hash at each read would cost three times as much; tampering is left to `verify`. */
  readonly checksum: number;
};

/** `hash` in hexadecimal. */
export type ChainedEvent = StoredEvent & { readonly hash: string };

/** What the first event's hash follows. */
export const GENESIS = '0'.repeat(64);

/** The canonical bytes, one field per line. No field can contain a line feed: JSON escapes it, names refuse it. */
export function bytesOf(event: Omit<StoredEvent, 'checksum'>): string {
  return `${event.position}\n${event.stream}\n${event.version}\n${event.type}\n${event.schemaVersion}\n${event.recordedAtMs}\n${event.metadata}\n${event.data}`;
}

export function checksumOf(bytes: string): number {
  return crc32(bytes);
}

export function chainHash(previous: string, bytes: string): string {
  return hash('sha256', `${previous}\n${bytes}`, 'hex');
}
