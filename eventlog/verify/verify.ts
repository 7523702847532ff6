/**
 * Verifies that a log is what was written: every link of the chain, every position and version, the readability of
 * every event, and that current rows and snapshots equal the fold of their stream. It works in pages, so that other
 * work can run between them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bytesOf, type ChainedEvent, checksumOf } from '../events/stored-event.ts';
import type { LogInspection, LogReader, StoredCurrent } from '../log-reader.ts';
import type { Position } from '../position.ts';
import { baseDigest } from '../replay/base.ts';
import { baseStatesOf } from '../replay/base-states.ts';
import type { ProjectionOf } from '../replay/replay.ts';
import { isOfTheFile } from '../sqlite/sqlite-errors.ts';
import { Chain } from './chain.ts';
import { type Finding, fileDamaged, unreadable } from './finding.ts';
import { type OwnersChecked, ownerFindings, strayFindings } from './verify-owners.ts';

export type Verification = {
  readonly ok: boolean;
  readonly events: number;
  readonly streams: number;
  readonly findings: readonly Finding[];
  /** There may be more findings than these. */
  readonly cut: boolean;
};

export type VerifyOptions = {
  /** The search ends after this many; 1 000 by default. */
  readonly maxFindings?: number;
  readonly signal?: AbortSignal;
};

/** Progress: with the file as a whole, with the events, with the owners' states, or with all current rows. */
export type Verified = {
  readonly checking: 'file' | 'events' | 'owners' | 'rows';
  readonly done: number;
  readonly of: number;
};

type Log = LogInspection & Pick<LogReader, 'position'>;
type Page = { readonly findings: readonly Finding[]; readonly at: Verified };
/**
 * `begun`: streams that begin here or were in the base. `archived`: number of events folded into the base. `unsealed`: a
 * stream whose state in the base has another checksum.
 */
type Counts = { events: number; streams: number; begun: number; archived: number; unsealed?: string };

const PAGE = 500;
const CHARACTERS = 1_048_576;

export async function verify(
  log: Log,
  projectionOf: ProjectionOf,
  options: VerifyOptions = {},
): Promise<Verification> {
  const steps = verifying(log, projectionOf, options);
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return step.value;
  }
}

/** Yields the progress after each page. */
export async function* verifying(
  log: Log,
  projectionOf: ProjectionOf,
  { maxFindings = 1000, signal }: VerifyOptions = {},
): AsyncGenerator<Verified, Verification> {
  const findings: Finding[] = [];
  const counts: Counts = { events: 0, streams: 0, begun: 0, archived: 0 };
  for (const page of untilDamage(pages(log, projectionOf, counts))) {
    signal?.throwIfAborted();
    findings.push(...page.findings);
    if (findings.length >= maxFindings) break;
    yield page.at;
    await nextTurn();
  }
  const { events, streams } = counts;
  const cut = findings.length >= maxFindings;
  return {
    ok: findings.length === 0,
    events,
    streams,
    findings: findings.slice(0, maxFindings),
    cut,
  };
}

function* pages(log: Log, projectionOf: ProjectionOf, counts: Counts): Generator<Page> {
  const file = (done: number): Verified => ({ checking: 'file', done, of: 1 });
  // Reported before the longest of all steps, so that whoever waits knows what for.
  yield { findings: [], at: file(0) };
  yield { findings: log.structuralDamage().map((found) => fileDamaged(found)), at: file(1) };
  yield { findings: baseFindings(log, counts), at: file(1) };
  yield* chainPages(log, counts);
  for (const { checked, findings } of ownerFindings(log, projectionOf)) {
    counts.streams += checked;
    const of = Math.max(counts.streams, counts.begun);
    yield { findings, at: { checking: 'owners', done: counts.streams, of } };
  }
  yield* strayPages(strayFindings(log), counts);
}

/** There is at most one row per owner, and none for a removed one. */
function* strayPages(checks: Iterable<OwnersChecked>, { streams }: Counts): Generator<Page> {
  let done = 0;
  for (const { checked, findings } of checks) {
    done += checked;
    yield { findings, at: { checking: 'rows', done, of: Math.max(done, streams) } };
  }
}

/** Damaged pages of an index end the search: what they should have led to is unknown. */
function* untilDamage(found: Iterable<Page>): Generator<Page> {
  let at: Verified = { checking: 'file', done: 0, of: 1 };
  try {
    for (const page of found) {
      at = page.at;
      yield page;
    }
  } catch (error) {
    if (!isOfTheFile(error)) throw error;
    yield { findings: [fileDamaged(error.message)], at };
  }
}

/**
 * A base cannot be folded again: its events are elsewhere. Its seal tells whether its states and its hash are what was
 * written; the versions of its states add up to its position; the first event after it limits the time at which it can have
 * been recorded.
 */
function baseFindings(log: Log, counts: Counts): readonly Finding[] {
  const base = log.base();
  if (base === undefined) return [];
  const { position, hash, digest, recordedAtMs } = base;
  const wrong = (expected: string, found: string): readonly Finding[] => [
    { type: 'base_wrong', position, stream: '', expected, found },
  ];
  const found = baseDigest(hash, statesOf(log, counts));
  if (found !== digest) return wrong(`a base with seal ${digest}`, found);
  // The seal does not cover the checksums, without which nobody reads these states.
  if (counts.unsealed !== undefined)
    return wrong(`the checksum of ${counts.unsealed} in the base`, 'another');
  if (counts.archived !== position) return wrong(`a base at ${counts.archived}`, `one at ${position}`);
  const [next] = eventsAt(log, position + 1, 1).events.filter(isIntact);
  if (next === undefined || next.recordedAtMs >= recordedAtMs) return [];
  return wrong(`a base recorded at ${next.recordedAtMs} or before`, String(recordedAtMs));
}

function* statesOf(log: Log, counts: Counts): Generator<StoredCurrent> {
  for (const state of baseStatesOf(log)) {
    counts.begun += 1;
    counts.archived += state.version;
    if (!state.intact) counts.unsealed ??= String(state.stream);
    yield state;
  }
}

function isIntact(event: ChainedEvent): boolean {
  return checksumOf(bytesOf(event)) === event.checksum;
}

/** Page by page in order of position. Events that are appended meanwhile are verified the next time. */
function* chainPages(log: Log, counts: Counts): Generator<Page> {
  const last = log.position();
  const base = log.base();
  const first = (base?.position ?? 0) + 1;
  const chain = new Chain(base);
  for (let from = first; from <= last; ) {
    const { events, damage } = eventsAt(log, from, Math.min(PAGE, last - from + 1));
    const findings = followed(log, chain, from, events);
    if (damage !== undefined) chain.skip(from);
    from = damage === undefined ? (events.at(-1)?.position ?? last) + 1 : from + 1;
    counts.events += events.length;
    counts.begun += events.filter(({ version }) => version === 1).length;
    const at = { checking: 'events', done: from - first, of: last - first + 1 } as const;
    yield { findings: damage === undefined ? findings : [damage], at };
  }
}

function followed(log: Log, chain: Chain, from: Position, events: readonly ChainedEvent[]): Finding[] {
  if (events.length === 0) return [];
  const indexed = log.indexedAt(from, events.length);
  // In a damaged file two events may have the same position; their place in the page tells them apart.
  return events.flatMap((event, place) => chain.follow(event, indexed[place] ?? 0));
}

type Events = { readonly events: readonly ChainedEvent[]; readonly damage?: Finding };

/** If a page of the file is damaged, the events on it are read one by one. */
function eventsAt(log: Log, from: Position, limit: number): Events {
  try {
    return { events: log.storedEvents(from, limit, CHARACTERS) };
  } catch (error) {
    if (!isOfTheFile(error)) throw error;
    if (limit > 1) return eventsAt(log, from, 1);
    return { events: [], damage: unreadable(from, '', error.message) };
  }
}
