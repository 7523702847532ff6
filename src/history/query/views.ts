/** Log and journal as tables with stable names and columns: columns may be added, never removed. */
import { BLAME, isOutcome } from '../../../actors/index.ts';
import {
  parseTime,
  type QueryTable,
  type QueryValue,
  type Recorded,
  type RequestRecord,
  renderTime,
  type TimeRange,
} from '../../../eventlog/index.ts';
import { rowOf } from '../../proxy/index.ts';
import { lastRecordedBy } from '../moment.ts';
import type { Room } from '../room.ts';
import { Unanswerable } from '../unanswerable.ts';
import { leasesIn, type PastLease } from './leases.ts';

type Row = QueryValue[];
type Columns<T> = readonly (readonly [name: string, of: (from: T) => QueryValue | undefined])[];

const PAGE = 1000;
const RANGE = ['since', 'until'] as const;

/** `archived` is called with the last archived position if events from then are asked for. */
export function views(room: Room, bounds: TimeRange, archived: (upTo: number) => void): QueryTable[] {
  const within = (since: unknown, until: unknown) => rangeOf(bounds, since, until);
  return [
    table('v1_events', EVENTS, (since, until) => events(room, within(since, until), archived)),
    table('v1_requests', REQUESTS, (since, until) => room.journal().requests(within(since, until))),
    table('v1_attempts', ATTEMPTS, (since, until) => attempts(room, within(since, until))),
    table('v1_leases', LEASES, (since, until) => leases(room, within(since, until))),
  ];
}

const EVENTS: Columns<Recorded> = [
  ['position', ({ position }) => position],
  ['recorded_at', ({ recordedAtMs }) => renderTime(recordedAtMs)],
  ['recorded_at_ms', ({ recordedAtMs }) => recordedAtMs],
  ['stream', ({ stream }) => stream],
  ['kind', ({ stream }) => stream.slice(0, stream.indexOf('-'))],
  ['owner', ({ stream }) => stream.slice(stream.indexOf('-') + 1)],
  ['version', ({ version }) => version],
  ['type', ({ type }) => type],
  ['backend', ({ data }) => ('id' in data ? data.id : undefined)],
  ['data', ({ data }) => JSON.stringify(data)],
  ['author', ({ metadata }) => metadata.author],
  ['command_id', ({ metadata }) => metadata.commandId],
  ['causation', ({ metadata }) => metadata.causation],
];

const REQUESTS: Columns<RequestRecord> = [
  ['id', ({ id }) => id],
  ['request_id', ({ id, peerId }) => peerId ?? id],
  ['started_at', ({ startedAtMs }) => renderTime(startedAtMs)],
  ['started_at_ms', ({ startedAtMs }) => startedAtMs],
  ['ended_at_ms', ({ endedAtMs }) => endedAtMs],
  ['duration_ms', ({ startedAtMs, endedAtMs }) => between(startedAtMs, endedAtMs)],
  ['worker', ({ worker }) => worker],
  ['position', ({ position }) => position],
  ['method', ({ method }) => method],
  ['host', ({ host }) => host],
  ['path', ({ path }) => path],
  ['domain', ({ domain }) => domain],
  ['route', ({ routing }) => routing?.route],
  ['pool', ({ pool }) => pool?.name],
  ['backend', ({ attempts: all }) => all.at(-1)?.backend.name],
  ['attempts', ({ attempts: all }) => all.length],
  ['status', ({ status }) => status],
  ['outcome', ({ outcome }) => outcome],
  ['code', ({ outcome }) => (isOutcome(outcome) ? rowOf(outcome).code : '')],
  ['blame', ({ outcome }) => (isOutcome(outcome) ? BLAME[outcome] : undefined)],
  ['phase', ({ phase }) => phase],
  ['queued_ms', ({ waitedMs }) => waitedMs],
  ['connect_ms', ({ connectStartedMs, connectedAtMs }) => between(connectStartedMs, connectedAtMs)],
  ['first_byte_ms', ({ connectedAtMs, firstByteAtMs }) => between(connectedAtMs, firstByteAtMs)],
  ['bytes_in', ({ bytesIn }) => bytesIn],
  ['bytes_out', ({ bytesOut }) => bytesOut],
];

type Attempt = {
  readonly request: RequestRecord;
  readonly number: number;
  readonly attempt: RequestRecord['attempts'][number];
};

const ATTEMPTS: Columns<Attempt> = [
  ['id', ({ request }) => request.id],
  ['number', ({ number }) => number],
  ['pool', ({ request }) => request.pool?.name],
  ['backend', ({ attempt }) => attempt.backend.name],
  ['ticket', ({ attempt }) => attempt.ticket],
  [
    'started_at',
    ({ attempt }) => (attempt.startedAtMs === undefined ? undefined : renderTime(attempt.startedAtMs)),
  ],
  ['started_at_ms', ({ attempt }) => attempt.startedAtMs],
  ['outcome', ({ attempt, request }) => attempt.end ?? request.outcome],
  ['is_last', ({ attempt }) => (attempt.end === undefined ? 1 : 0)],
];

type Lease = PastLease & { readonly pool: string | undefined; readonly backend: string | undefined };

const LEASES: Columns<Lease> = [
  ['pool', ({ pool }) => pool],
  ['backend', ({ backend }) => backend],
  ['ticket', ({ given }) => given.ticket],
  ['thread', ({ thread }) => thread],
  ['given_at', ({ given }) => renderTime(given.nowMs)],
  ['given_at_ms', ({ given }) => given.nowMs],
  ['queued_ms', ({ given, askedAtMs }) => (given.op === 'checkout' ? 0 : between(askedAtMs, given.nowMs))],
  ['given_back_at_ms', ({ back }) => back?.nowMs],
  ['held_ms', ({ given, back }) => between(given.nowMs, back?.nowMs)],
  ['ended', ({ back }) => back?.end],
];

function table<T>(
  name: string,
  columns: Columns<T>,
  read: (since: unknown, until: unknown) => Iterable<T>,
): QueryTable {
  return {
    name,
    columns: columns.map(([column]) => column),
    parameters: RANGE,
    *rows(since, until) {
      for (const each of read(since, until)) yield columns.map(([, of]) => of(each) ?? null) as Row;
    },
  };
}

/**
 * Only events within the range are read, so that events before a damaged one can be queried, and a second out of a
 * million events is fast.
 */
function* events(
  { log }: Room,
  { fromMs = 0, toMs = Number.MAX_VALUE }: TimeRange,
  archived: (upTo: number) => void,
): Generator<Recorded> {
  const base = log.base();
  if (base !== undefined && fromMs <= base.recordedAtMs) archived(base.position);
  const end = log.position();
  const last = toMs === Number.MAX_VALUE ? end : lastRecordedBy(log, toMs, end);
  const first = fromMs <= 0 ? 1 : lastRecordedBy(log, Math.ceil(fromMs) - 1, end) + 1;
  for (let from = first; from <= last; ) {
    const page = log.read({ from, to: last, limit: PAGE });
    yield* page;
    from = (page.at(-1)?.position ?? last) + 1;
  }
}

function* attempts(room: Room, range: TimeRange): Generator<Attempt> {
  for (const request of room.journal().requests(range))
    for (const [index, attempt] of request.attempts.entries()) yield { request, number: index + 1, attempt };
}

function* leases(room: Room, range: TimeRange): Generator<Lease> {
  const journal = room.journal();
  for (const lease of leasesIn(journal.operations(undefined, range)))
    yield {
      ...lease,
      pool: journal.nameOf(lease.given.poolKey),
      backend: journal.nameOf(lease.given.backendKey),
    };
}

function rangeOf(bounds: TimeRange, since: unknown, until: unknown): TimeRange {
  const fromMs = Math.max(bounds.fromMs ?? 0, msOf(since, 'since') ?? 0);
  const toMs = Math.min(bounds.toMs ?? Number.MAX_VALUE, msOf(until, 'until') ?? Number.MAX_VALUE);
  return { fromMs, toMs };
}

/** A time as text, or epoch milliseconds. */
function msOf(given: unknown, what: string): number | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'number') return given;
  const parsed = parseTime(String(given));
  if (parsed.ok) return parsed.value;
  throw new Unanswerable('invalid_query', `${what}: ${parsed.problem}`);
}

function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.round((to - from) * 1000) / 1000;
}
