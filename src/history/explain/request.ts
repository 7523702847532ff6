/** The story of one recorded request, found by its id. */
import { BLAME, isOutcome } from '../../../actors/index.ts';
import {
  isCode,
  type JournalReader,
  parseRequestId,
  type RequestRecord,
  renderTime,
  type StreamName,
} from '../../../eventlog/index.ts';
import { pathOf, rowOf } from '../../proxy/index.ts';
import { domainOf } from '../../wire/index.ts';
import type { Room } from '../room.ts';
import { Unanswerable } from '../unanswerable.ts';
import { ADVICE_UNKNOWN, adviceOn } from './advice.ts';
import { archivedChanges, type Change, lastChange, lastChangeOfBackend } from './changes.ts';
import { LedgerPast } from './ledger-past.ts';
import { Names } from './names.ts';
import { domainAt, type FoundRoute, poolAt, routeAt } from './route.ts';
import { Steps } from './steps.ts';
import type { Ending, RequestStory, Step } from './story.ts';

export type RequestWish = { readonly id: string };

// How many other requests with the same peer-given id are named.
const MOST_NAMED = 5;

export async function explainRequest({ id }: RequestWish, room: Room): Promise<RequestStory> {
  const journal = room.journal();
  const request = journal.find(id);
  if (request === undefined) throw notFound(journal, room.damage(), id);
  const { log } = room;
  const pool = request.pool?.name;
  const host = domainOf(request.host);
  // What was in force before the log begins or after it ends is not known here; the nearest known position is used.
  const position = Math.min(log.position(), Math.max(request.position, log.base()?.position ?? 0));
  const { considered, settings, name } = domainAt(log, host, position);
  const route = settings === undefined || !isRouted(request) ? null : routeOf(request, settings);
  const names = new Names(journal, pool === undefined ? null : poolAt(log, pool, position));
  const steps =
    request.pool === undefined
      ? []
      : await new Steps(request, new LedgerPast(room, request.pool.key, request.run), names).all();
  const changes = changesOf(room, request, position, steps);
  const notes = notesOf(room, request, position, steps, name, route);
  return {
    id: request.id,
    requestId: request.peerId ?? request.id,
    request: {
      method: request.method,
      host: request.host,
      path: request.path,
      version: request.version,
      startedAt: renderTime(request.startedAtMs),
      endedAt: renderTime(request.endedAtMs),
      worker: request.worker,
      bytesIn: request.bytesIn,
      bytesOut: request.bytesOut,
    },
    position: request.position,
    domain: request.domain ?? null,
    domains: considered,
    route,
    pool: pool ?? null,
    steps,
    timings: timingsOf(request),
    outcome: endingOf(request),
    changes: changes.found,
    affinity: request.routing?.affinity ?? null,
    notes: [...othersOf(journal, request, id), ...notes, ...changes.notes],
  };
}

/** Whether it got as far as its route; under maintenance, for example, it did not. */
function isRouted({ routing, pool }: RequestRecord): boolean {
  return routing !== undefined || pool !== undefined;
}

/** Of the header fields, the journal has only whether they met the conditions of the rules. */
function routeOf(request: RequestRecord, settings: Parameters<typeof routeAt>[0]): FoundRoute {
  const { method, path, routing } = request;
  return routeAt(settings, { method, path: pathOf(path), headers: routing?.ruleBits ?? 0 }, routing?.draw);
}

function timingsOf(request: RequestRecord) {
  const { startedAtMs, endedAtMs, connectStartedMs, connectedAtMs, firstByteAtMs, waitedMs } = request;
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? null : rounded(to - from);
  return {
    queuedMs: waitedMs === undefined ? null : rounded(waitedMs),
    connectMs: between(connectStartedMs, connectedAtMs),
    firstByteMs: between(connectedAtMs, firstByteAtMs),
    totalMs: rounded(endedAtMs - startedAtMs),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function endingOf(request: RequestRecord): Ending {
  const { outcome: type, phase, status, waitedMs, startedAtMs, endedAtMs } = request;
  if (!isOutcome(type))
    return { type, code: '', description: '', phase, blame: 'nobody', status, advice: ADVICE_UNKNOWN };
  const { code, desc } = rowOf(type);
  const advice = adviceOn({ type, status, waitedMs, totalMs: endedAtMs - startedAtMs });
  return { type, code, description: desc, phase, blame: BLAME[type], status, advice };
}

function changesOf(
  { log }: Room,
  request: RequestRecord,
  position: number,
  steps: readonly Step[],
): { readonly found: RequestStory['changes']; readonly notes: readonly string[] } {
  const pool = request.pool?.name === undefined ? undefined : (`pool-${request.pool.name}` as StreamName);
  const id = steps.findLast((step) => step.backend !== null)?.backend;
  const domain = request.domain === undefined ? undefined : (`domain-${request.domain}` as StreamName);
  const ofDomain = domain && lastChange(log, domain, position);
  const ofPool = pool && lastChange(log, pool, position);
  const ofBackend = pool && id ? lastChangeOfBackend(log, pool, id, position) : undefined;
  // What the router found by itself is shown under `backend`; `last` is the last change that somebody made.
  const last = [ofDomain, ofPool]
    .filter((change): change is Change => change !== undefined)
    .toSorted((a, b) => b.position - a.position)[0];
  return {
    found: {
      last: last ?? null,
      domain: ofDomain ?? null,
      pool: ofPool ?? null,
      backend: ofBackend ?? null,
    },
    notes: archivedChanges(log, position, [
      { what: 'the domain', stream: domain, change: ofDomain },
      { what: 'the pool', stream: pool, change: ofPool },
      { what: 'the backend', stream: id ? pool : undefined, change: ofBackend },
    ]),
  };
}

/**
 * The story is of the newest request with this peer-given id; each of the others has an id of ours that leads to it
 * alone.
 */
function othersOf(journal: JournalReader, told: RequestRecord, id: string): string[] {
  if (told.id === id) return [];
  const found = journal.ofPeer(id, MOST_NAMED + 2);
  const others = found.filter((request) => request.id !== told.id);
  if (others.length === 0) return [];
  const named = others.slice(0, MOST_NAMED).map((each) => `${each.id} (${renderTime(each.startedAtMs)})`);
  const more = others.length > MOST_NAMED ? ', and more before' : '';
  return [`the newest of those with this id of a peer; explain another: ${named.join(', ')}${more}`];
}

function notesOf(
  { journal, damage }: Room,
  request: RequestRecord,
  position: number,
  steps: readonly Step[],
  domain: string | undefined,
  route: FoundRoute | null,
): string[] {
  const notes: string[] = [];
  if (position > request.position)
    notes.push(
      `position ${request.position} is archived: domain, route and backends are shown as of ${position}, where this log begins`,
    );
  if (position < request.position)
    notes.push(
      `the log ends at position ${position}, before position ${request.position}: domain, route and backends are shown as of its end; is it an older copy?`,
    );
  const recorded = request.routing?.route ?? -1;
  if (route !== null && route.route !== recorded)
    notes.push(`the journal says route ${recorded}, the log says route ${route.route}`);
  if (request.omitted === 'query') notes.push('the query is not journalled (journal.queryStrings)');
  if (request.omitted === 'path') notes.push('the path was too long for the journal and is cut');
  if (request.domain !== undefined && request.domain !== domain)
    notes.push(
      `the log has ${domain ?? 'no domain'} for this host at position ${position}, the request was served as ${request.domain}`,
    );
  const isBlind = steps.some(
    ({ type, ticket, sight }) => type === 'unknown' || (ticket !== null && sight === null),
  );
  if (isBlind) {
    const gap = gapAround(journal(), request.startedAtMs, request.endedAtMs);
    const why = gap === undefined ? 'earlier records are gone' : `it has a gap ${gap}`;
    notes.push(`the journal cannot show the pool at every step: ${why}`);
  }
  if (isBlind || hasUnread(request))
    for (const each of damage()) notes.push(`damaged in the journal, and left out: ${each}`);
  return notes;
}

/** Whether a word or a name of it is missing. */
function hasUnread({ method, outcome, phase, pool, attempts }: RequestRecord): boolean {
  const ends = attempts.flatMap((attempt) => attempt.end ?? []);
  const keyed = [...(pool === undefined ? [] : [pool]), ...attempts.map((attempt) => attempt.backend)];
  return [method, outcome, phase, ...ends].some(isCode) || keyed.some(({ name }) => name === undefined);
}

function gapAround(journal: JournalReader, fromMs: number, toMs: number): string | undefined {
  const gap = journal.gaps().find((each) => each.fromMs <= toMs + 1000 && each.toMs >= fromMs - 1000);
  return gap === undefined
    ? undefined
    : `from ${renderTime(gap.fromMs)} to ${renderTime(gap.toMs)} (${gap.cause})`;
}

function notFound(journal: JournalReader, damaged: readonly string[], id: string): Unanswerable {
  if (damaged.length > 0)
    return new Unanswerable(
      'request_lost',
      `no request of this id is in what can be read of the journal; ${damaged.join('; ')}`,
    );
  const span = journal.span();
  const atMs = parseRequestId(id)?.atMs;
  if (span === undefined) return new Unanswerable('request_unknown', 'the journal has no requests');
  const since = renderTime(span.fromMs);
  if (atMs === undefined)
    return new Unanswerable(
      'request_unknown',
      `no request of this id is in the journal, which begins at ${since}`,
      {
        since,
      },
    );
  const at = renderTime(atMs);
  if (atMs < Math.floor(span.fromMs))
    return new Unanswerable(
      'request_expired',
      `a request of ${at} is older than the journal, which begins at ${since}`,
      { at, since },
    );
  const gap = gapAround(journal, atMs, atMs);
  if (gap !== undefined)
    return new Unanswerable(
      'request_lost',
      `a request of ${at} is not in the journal, which has a gap ${gap}`,
      {
        at,
        since,
      },
    );
  return new Unanswerable(
    'request_unknown',
    `no request of this id is in the journal, though it has that time (${at}); is it still under way?`,
    { at, since },
  );
}
