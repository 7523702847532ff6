/** Events to text and back. Invalid input is the caller's mistake; unreadable stored text is reported as damage. */
import { createRequire } from 'node:module';
import type { z } from 'zod';
import { EventUnreadable } from '../errors.ts';
import { quoted, type StreamName } from '../names.ts';
import { canonicalJson } from './canonical.ts';
import { isEventType, OWNER_OF } from './event-owners.ts';
import type { EVENT_SCHEMAS } from './event-schemas.ts';
import type { EventType, Metadata, Recorded, SwitchyardEvent } from './events.ts';
import { isPlainBackend, isPlainDomain, isPlainPool } from './plain.ts';
import { bytesOf, checksumOf, type StoredEvent } from './stored-event.ts';
import { type Data, type Upcaster, upcaster } from './upcast.ts';

export type EncodedEvent = {
  readonly type: EventType;
  readonly schemaVersion: number;
  readonly data: string;
};

export type Codec = {
  /** Throws a TypeError for anything that is no event of this stream: a bug of the caller. */
  encode(stream: StreamName, event: SwitchyardEvent): EncodedEvent;
  /** Throws `EventUnreadable` for an event that is damaged or unknown. */
  decode(stored: StoredEvent): Recorded;
};

// Loaded with the first event that needs one. A worker reads rows, and events only if a row is damaged: the schemas and
// their library would take six megabytes in each worker. Loaded synchronously, since a request waits for that event.
let schemas: typeof EVENT_SCHEMAS | undefined;

function schemaOf(type: EventType): z.ZodType {
  schemas ??= (createRequire(import.meta.url)(SCHEMAS) as { EVENT_SCHEMAS: typeof EVENT_SCHEMAS })
    .EVENT_SCHEMAS;
  return schemas[type];
}

// In the published package it is compiled beside this file.
const SCHEMAS = import.meta.url.endsWith('.ts') ? './event-schemas.ts' : './event-schemas.js';

export function codecWith(upcasts: Upcaster): Codec {
  // Events of one command follow each other and share their metadata: parsing it once per command saves 0.3 µs for each
  // event.
  let lastText = '';
  let lastMetadata: Metadata = { commandId: '', author: '' };

  function metadataOf(stored: StoredEvent): Metadata {
    if (stored.metadata !== lastText) {
      lastMetadata = parsed(stored, 'metadata') as Metadata;
      lastText = stored.metadata;
    }
    return lastMetadata;
  }

  return {
    encode(stream, event) {
      if (!isEventType(event.type))
        throw new TypeError(`expected an event, found ${quoted(String(event.type))}`);
      if (!belongs(event.type, stream))
        throw new TypeError(`${event.type} does not belong in ${quoted(stream)}`);
      const checked = isPlain(event.type, event.data)
        ? undefined
        : schemaOf(event.type).safeParse(event.data);
      if (checked?.success === false)
        throw new TypeError(`${event.type} of ${stream}: ${firstIssue(checked.error)}`);
      return {
        type: event.type,
        schemaVersion: upcasts.newest(event.type),
        data: canonicalJson(event.data),
      };
    },
    decode(stored) {
      requireIntact(stored);
      const type = knownType(stored, upcasts);
      const asWritten = parsed(stored, 'data') as Data;
      const data =
        stored.schemaVersion === upcasts.newest(type)
          ? asWritten
          : upcasts.upcast(type, stored.schemaVersion, asWritten);
      const checked = isPlain(type, data) ? undefined : schemaOf(type).safeParse(data);
      if (checked?.success === false) throw unreadable(stored, `${type}: ${firstIssue(checked.error)}`);
      return {
        position: stored.position,
        stream: stored.stream,
        version: stored.version,
        type,
        data,
        recordedAtMs: stored.recordedAtMs,
        metadata: metadataOf(stored),
      } as unknown as Recorded;
    },
  };
}

export const codec: Codec = codecWith(upcaster);

/** Whether the event is quickly recognised as valid: one of the plain events that nearly all are in a bulk. */
function isPlain(type: EventType, data: unknown): boolean {
  if (type === 'DomainCreated' || type === 'DomainChanged') return isPlainDomain(data);
  if (type === 'PoolCreated') return isPlainPool(data);
  return type === 'BackendAdded' && isPlainBackend(data);
}

function requireIntact(stored: StoredEvent): void {
  const found = checksumOf(bytesOf(stored));
  if (found === stored.checksum && isText(stored)) return;
  throw unreadable(
    stored,
    `expected bytes with checksum ${hex(stored.checksum)}, found ${hex(found)}; they are not the ones written`,
  );
}

/** A flipped type bit in the file turns a text into a blob, which prints the same and so has the same checksum. */
function isText({ stream, type, data, metadata }: StoredEvent): boolean {
  return (
    typeof stream === 'string' &&
    typeof type === 'string' &&
    typeof data === 'string' &&
    typeof metadata === 'string'
  );
}

function knownType(stored: StoredEvent, upcasts: Upcaster): EventType {
  const { type, schemaVersion, stream } = stored;
  if (!isEventType(type)) throw unreadable(stored, `expected a known type, found ${quoted(type)}`);
  if (!belongs(type, stream))
    throw unreadable(stored, `expected a type of this stream's owner, found ${type}`);
  const newest = upcasts.newest(type);
  if (Number.isInteger(schemaVersion) && schemaVersion >= 1 && schemaVersion <= newest) return type;
  throw unreadable(
    stored,
    `expected ${type} of schema version 1 to ${newest}, found ${schemaVersion}; written by a newer switchyard`,
  );
}

function parsed(stored: StoredEvent, field: 'data' | 'metadata'): unknown {
  try {
    return JSON.parse(stored[field]);
  } catch (cause) {
    throw unreadable(stored, `expected JSON as ${field}, found ${quoted(stored[field])}`, cause);
  }
}

function belongs(type: EventType, stream: string): boolean {
  return stream.startsWith(OWNER_OF[type]) && stream[OWNER_OF[type].length] === '-';
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  const path = ['data', ...(issue?.path ?? [])].join('.');
  return `${path}: ${issue?.message ?? 'unreadable'}`;
}

function unreadable(stored: StoredEvent, message: string, cause?: unknown): EventUnreadable {
  return new EventUnreadable(stored.position, stored.stream, message, cause);
}

function hex(checksum: number): string {
  return Number.isInteger(checksum) ? checksum.toString(16).padStart(8, '0') : quoted(String(checksum));
}
