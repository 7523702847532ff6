/** A journalled request, as it is read back. */
import { AFFINITY_VERDICTS, type AffinityVerdict } from './affinity-verdict.ts';
import { ByteReader } from './bytes.ts';
import { renderRequestId } from './record-id.ts';
import { DOMAIN, EXTRA, REQUEST_FLAG, REQUEST_WORD, saltOf, workerOf } from './segment/request-frame.ts';
import { OTHER, type Vocabulary } from './vocabulary.ts';

const UNKNOWN_WORD = 'code ';

/** Times are epoch milliseconds; undefined: it never came to that. Names are undefined if only the key is known. */
export type RequestRecord = {
  readonly id: string;
  /** The id that a trusted peer gave it, if one did. */
  readonly peerId: string | undefined;
  /** Of the process that routed it; the same run as that of the operations of its ledgers. */
  readonly run: number;
  readonly worker: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Position of the event log that was in force when it was routed. */
  readonly position: number;
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly host: string;
  /** Includes the query only if the journal keeps queries. */
  readonly path: string;
  /** What part of the target is missing: the end of the path, since it was too long, or the query. */
  readonly omitted: 'path' | 'query' | undefined;
  readonly domain: string | undefined;
  readonly pool: Keyed | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly waitedMs: number | undefined;
  readonly connectStartedMs: number | undefined;
  readonly connectedAtMs: number | undefined;
  readonly firstByteAtMs: number | undefined;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly outcome: string;
  readonly phase: string;
  /** Undefined: it took no route of its domain, and its pool keeps no requests together. */
  readonly routing: RoutingRecord | undefined;
};

/** What was decided before a pool was asked. Of headers and cookies only the results are kept, never the values. */
export type RoutingRecord = {
  /** The route's index in the domain's order of precedence, from 0; undefined: none matched. */
  readonly route: number | undefined;
  /** Bit n: header condition n was looked at and held. */
  readonly ruleBits: number;
  readonly affinity: AffinityVerdict | undefined;
  /** What decided the split: a random number, or the digest of what is to stay with one pool. */
  readonly draw: number | undefined;
  /** Keyed digest of what keeps requests together. */
  readonly digest: number | undefined;
};

export type Keyed = { readonly key: number; readonly name: string | undefined };

export type AttemptRecord = {
  readonly backend: Keyed;
  /** The ticket under which the pool's ledger granted the lease. */
  readonly ticket: number;
  readonly startedAtMs: number | undefined;
  /** Undefined: the attempt ended as the request did. */
  readonly end: string | undefined;
};

export interface Dictionary {
  readonly vocabulary: Vocabulary;
  nameOf(key: number): string | undefined;
}

/** Reads the frame that starts at byte `from`. */
export function readRequest(
  bytes: Uint8Array,
  from: number,
  length: number,
  dictionary: Dictionary,
  run: number,
): RequestRecord {
  const { vocabulary } = dictionary;
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, length);
  const where = view.getInt32(4 * REQUEST_WORD.where, true);
  const startedAtMs = view.getFloat64(4 * REQUEST_WORD.startedAtMs, true);
  const more = view.getInt32(4 * REQUEST_WORD.more, true);
  const sequence = view.getUint32(4 * REQUEST_WORD.sequence, true) + (more & 0xffff) * 2 ** 32;
  const flags = (more >>> 16) & 0xff;
  const hasPeer = (flags & REQUEST_FLAG.peer) !== 0;
  const worker = workerOf(where);
  const reader = new ByteReader(bytes, from + 4 * (hasPeer ? 7 : 6), from + length);

  const code = more >>> 24;
  const method = code === OTHER ? reader.text() : wordOf(vocabulary.methods, code);
  const position = reader.count();
  const outcome = wordOf(vocabulary.outcomes, reader.byte());
  const phase = wordOf(vocabulary.phases, reader.byte());
  const status = reader.count();
  const endedAtMs = startedAtMs + reader.count() / 1000;
  const waited = reader.count();
  const connectStartedMs = momentOf(reader, startedAtMs);
  const connectedAtMs = momentOf(reader, startedAtMs);
  const firstByteAtMs = momentOf(reader, startedAtMs);
  const bytesIn = reader.count();
  const bytesOut = reader.count();
  const host = reader.text();
  const path = reader.text();
  const domain = domainOf(reader, host);
  // 0: it asked no pool.
  const attemptsAndOne = reader.count();
  const pool = attemptsAndOne === 0 ? undefined : keyed(reader.key(), dictionary);
  const attempts: AttemptRecord[] = [];
  for (let i = 1; i < attemptsAndOne; i++) attempts.push(attemptOf(reader, startedAtMs, dictionary));
  const peerId = hasPeer ? reader.text() : undefined;
  const routing = routingOf(reader);
  return {
    id: renderRequestId({ atMs: Math.floor(startedAtMs), worker, salt: saltOf(where), sequence }),
    peerId,
    run,
    worker,
    startedAtMs,
    endedAtMs,
    position,
    method,
    version: (flags & REQUEST_FLAG.http10) === 0 ? '1.1' : '1.0',
    host,
    path,
    omitted: omittedOf(flags),
    domain,
    pool,
    attempts,
    waitedMs: waited === 0 ? undefined : (waited - 1) / 1000,
    connectStartedMs,
    connectedAtMs,
    firstByteAtMs,
    status,
    bytesIn,
    bytesOut,
    outcome,
    phase,
    routing,
  };
}

/** Skips extras of a newer writer, which are unknown here. */
function routingOf(reader: ByteReader): RoutingRecord | undefined {
  let routing: RoutingRecord | undefined;
  for (let tag = reader.byte(); tag !== EXTRA.end; tag = reader.byte()) {
    const bytes = reader.slice(reader.count());
    if (tag === EXTRA.routing) routing = readRouting(new ByteReader(bytes));
  }
  return routing;
}

function readRouting(reader: ByteReader): RoutingRecord {
  const route = reader.count();
  const ruleBits = reader.count();
  const affinity = reader.byte();
  const draw = reader.count();
  const digest = reader.count();
  return {
    route: route === 0 ? undefined : route - 1,
    ruleBits: ruleBits | 0,
    affinity: AFFINITY_VERDICTS[affinity - 1],
    draw: draw === 0 ? undefined : draw - 1,
    digest: digest === 0 ? undefined : digest,
  };
}

function attemptOf(reader: ByteReader, startedAtMs: number, dictionary: Dictionary): AttemptRecord {
  const backend = keyed(reader.key(), dictionary);
  const ticket = reader.count();
  const at = momentOf(reader, startedAtMs);
  const end = reader.byte();
  const word = end === OTHER ? undefined : wordOf(dictionary.vocabulary.ends, end);
  return { backend, ticket, startedAtMs: at, end: word };
}

function keyed(key: number, dictionary: Dictionary): Keyed {
  return { key, name: dictionary.nameOf(key) };
}

function domainOf(reader: ByteReader, host: string): string | undefined {
  const kind = reader.byte();
  if (kind === DOMAIN.none) return undefined;
  return kind === DOMAIN.isHost ? host : reader.text();
}

function momentOf(reader: ByteReader, startedAtMs: number): number | undefined {
  const since = reader.count();
  return since === 0 ? undefined : startedAtMs + (since - 1) / 1000;
}

function omittedOf(flags: number): 'path' | 'query' | undefined {
  if ((flags & REQUEST_FLAG.pathCut) !== 0) return 'path';
  return (flags & REQUEST_FLAG.queryOmitted) === 0 ? undefined : 'query';
}

function wordOf(words: readonly string[], code: number): string {
  return words[code] ?? `${UNKNOWN_WORD}${code}`;
}

/** Whether it stands for a word that the segment's vocabulary does not have, or that is damaged there. */
export function isCode(word: string): boolean {
  return word.startsWith(UNKNOWN_WORD);
}
