/**
 * Is a log what was written? Every link of the chain, every position and version, every event's readability, and
 * that current rows and snapshots equal the fold of their stream. It goes by pages, so that it can run beside others.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { codec } from './codec.ts';
import { EventUnreadable, LogUnavailable } from './errors.ts';
import type { Position } from './event-log.ts';
import type { Kept, LogInspection, LogReader, StoredSnapshot } from './log-reader.ts';
import { quoted } from './names.ts';
import { cachesOf, kindOf } from './rebuild.ts';
import type { OwnerProjection, ProjectionOf } from './replay.ts';
import { bytesOf, type ChainedEvent, chainHash, GENESIS } from './stored-event.ts';

export type Finding = {
  readonly type:
    | 'file_damaged'
    | 'event_missing'
    | 'event_unreadable'
    | 'chain_broken'
    | 'time_reversed'
    | 'version_wrong'
    | 'snapshot_wrong'
    | 'current_wrong';
  /** Of the event concerned, 0 for the file itself; for a snapshot or current row, of the last event it folds, 0 where there is none. */
  readonly position: Position;
  readonly stream: string;
  readonly expected: string;
  readonly found: string;
};

export type Verification = {
  readonly ok: boolean;
  readonly events: number;
  readonly streams: number;
  readonly findings: readonly Finding[];
  /** There may be more findings than these. */
  readonly cut: boolean;
};

export type VerifyOptions = {
  /** After so many the search ends; 1 000 by default. */
  readonly maxFindings?: number;
  readonly signal?: AbortSignal;
};

type Log = LogInspection & Pick<LogReader, 'position'>;
type Progress = { events: number; streams: number };

const PAGE = 500;
const STREAMS = 50;

export async function verify(
  log: Log,
  projectionOf: ProjectionOf,
  { maxFindings = 1000, signal }: VerifyOptions = {},
): Promise<Verification> {
  const findings: Finding[] = [];
  const progress: Progress = { events: 0, streams: 0 };
  for await (const found of untilDamage(pagesOfFindings(log, projectionOf, progress))) {
    signal?.throwIfAborted();
    findings.push(...found);
    if (findings.length >= maxFindings) break;
    await nextTurn();
  }
  const cut = findings.length >= maxFindings;
  return { ok: findings.length === 0, ...progress, findings: findings.slice(0, maxFindings), cut };
}

async function* pagesOfFindings(log: Log, projectionOf: ProjectionOf, progress: Progress) {
  yield log.structuralDamage().map((found) => fileDamaged(found));
  yield* chainFindings(log, progress);
  yield* foldFindings(log, projectionOf, progress);
  yield* orphanFindings(log);
}

/** An index whose pages are damaged ends the search: what it should have led to is unknown. */
async function* untilDamage(pages: AsyncIterable<readonly Finding[]>): AsyncGenerator<readonly Finding[]> {
  try {
    yield* pages;
  } catch (error) {
    if (!(error instanceof LogUnavailable) || error.code !== 'log_failed') throw error;
    yield [fileDamaged(error.message)];
  }
}

/** Page by page in order of position. Events appended meanwhile are verified the next time. */
function* chainFindings(log: Log, progress: Progress): Generator<readonly Finding[]> {
  const last = log.position();
  const chain = new Chain(log);
  for (let from = 1; from <= last; ) {
    const page = pageAt(log, from, Math.min(PAGE, last - from + 1));
    const findings = page.events.flatMap((event) => chain.follow(event));
    const next = page.damage === undefined ? (page.events.at(-1)?.position ?? last) + 1 : from + 1;
    progress.events += page.events.length;
    if (page.damage !== undefined) chain.skip(from);
    yield page.damage === undefined ? findings : [page.damage];
    from = next;
  }
}

type Page = { readonly events: readonly ChainedEvent[]; readonly damage?: Finding };

/** Where a page of the file is damaged, the events on it are asked for one by one. */
function pageAt(log: Log, from: Position, limit: number): Page {
  try {
    return { events: log.storedEvents(from, limit) };
  } catch (error) {
    if (!(error instanceof LogUnavailable) || error.code !== 'log_failed') throw error;
    if (limit > 1) return pageAt(log, from, 1);
    return { events: [], damage: unreadable(from, '', error.message) };
  }
}

class Chain {
  readonly #log: LogInspection;
  #position = 0;
  #recordedAtMs = 0;
  /** What the next event's hash may follow: the last one's as kept and, where that is damaged, as it should be. */
  #hashes: readonly string[] = [GENESIS];

  constructor(log: LogInspection) {
    this.#log = log;
  }

  follow(event: ChainedEvent): readonly Finding[] {
    const findings = [...this.#missing(event), ...this.#content(event), ...this.#order(event)];
    const expected = this.#hashes.map((previous) => chainHash(previous, bytesOf(event)));
    this.#hashes = [...new Set([event.hash, expected[0] ?? event.hash])];
    this.#position = event.position;
    this.#recordedAtMs = Math.max(this.#recordedAtMs, event.recordedAtMs);
    // A damaged or missing event breaks its link by necessity: once is enough to say so.
    if (findings.length > 0 || expected.includes(event.hash) || expected.length === 0) return findings;
    return [finding('chain_broken', event, `hash ${expected[0]}`, `hash ${event.hash}`)];
  }

  /** An event that could not be read at all: what follows it can be linked to nothing. */
  skip(position: Position): void {
    this.#position = position;
    this.#hashes = [];
  }

  #missing(event: ChainedEvent): readonly Finding[] {
    const expected = this.#position + 1;
    if (event.position === expected) return [];
    return [
      finding(
        'event_missing',
        { ...event, position: expected },
        `an event at ${expected}`,
        `one at ${event.position}`,
      ),
    ];
  }

  #content(event: ChainedEvent): readonly Finding[] {
    const damage = damageOf(() => codec.decode(event));
    return damage === undefined ? [] : [unreadable(event.position, event.stream, damage.message)];
  }

  #order(event: ChainedEvent): readonly Finding[] {
    const findings: Finding[] = [];
    if (event.recordedAtMs < this.#recordedAtMs) {
      const expected = `recorded at ${this.#recordedAtMs} or later`;
      findings.push(finding('time_reversed', event, expected, String(event.recordedAtMs)));
    }
    // Through the index of streams, which is a structure of its own and may be damaged on its own.
    const indexed = this.#log.positionOf(event.stream, event.version);
    if (indexed !== event.position) {
      const expected = `version ${event.version} of its stream at this position`;
      findings.push(finding('version_wrong', event, expected, `it at ${indexed}`));
    }
    return findings;
  }
}

function* foldFindings(
  log: Log,
  projectionOf: ProjectionOf,
  progress: Progress,
): Generator<readonly Finding[]> {
  for (let after = ''; ; ) {
    const names = log.streams(after, STREAMS);
    for (const stream of names) yield streamFindings(log, stream, projectionOf(kindOf(stream)));
    progress.streams += names.length;
    if (names.length < STREAMS) return;
    after = names.at(-1) ?? after;
  }
}

function streamFindings(log: LogInspection, stream: string, projection: OwnerProjection): readonly Finding[] {
  const findings: Finding[] = [];
  const damage = damageOf(() => {
    const { version, state, snapshots } = cachesOf(log, stream, projection);
    const position = log.positionOf(stream, version);
    const row = log.storedCurrent(stream);
    const expected = state === 'null' ? 'no current row' : `version ${version} with ${quoted(state)}`;
    const found =
      row === undefined
        ? 'no current row'
        : `${soundness(row)}version ${row.version} with ${quoted(row.state)}`;
    const equal =
      state === 'null' ? row === undefined : row?.version === version && row.state === state && row.intact;
    if (!equal) findings.push({ type: 'current_wrong', position, stream, expected, found });
    findings.push(...snapshotFindings(log.storedSnapshots(stream), snapshots));
  });
  // Reported where the chain was followed; what cannot be folded cannot be compared.
  return damage === undefined ? findings : [];
}

/** A snapshot may be missing, since it may be deleted at any time; one that is there is the right one. */
function snapshotFindings(
  kept: readonly Kept<StoredSnapshot>[],
  right: readonly StoredSnapshot[],
): readonly Finding[] {
  return kept.flatMap((snapshot) => {
    const expected = right.find(({ version }) => version === snapshot.version);
    if (
      expected !== undefined &&
      snapshot.intact &&
      describe(expected) === describe(snapshot) &&
      expected.state === snapshot.state
    )
      return [];
    const { position, stream } = snapshot;
    const wanted = expected === undefined ? `no snapshot of version ${snapshot.version}` : describe(expected);
    return [
      {
        type: 'snapshot_wrong' as const,
        position,
        stream,
        expected: wanted,
        found: `${soundness(snapshot)}${describe(snapshot)}`,
      },
    ];
  });
}

function* orphanFindings(log: LogInspection): Generator<readonly Finding[]> {
  for (let after = ''; ; ) {
    const page = log.storedCurrents(after, PAGE);
    yield page
      .filter(({ stream }) => log.positionOf(stream, 1) === 0)
      .map(({ stream, version }) => ({
        type: 'current_wrong' as const,
        position: 0,
        stream,
        expected: 'no current row without events',
        found: `one of version ${version}`,
      }));
    if (page.length < PAGE) return;
    after = page.at(-1)?.stream ?? after;
  }
}

function soundness({ intact }: { readonly intact: boolean }): string {
  return intact ? '' : 'damaged bytes: ';
}

function describe({ version, position, hash, state }: StoredSnapshot): string {
  return `version ${version} at ${position} with hash ${hash.slice(0, 16)} and ${quoted(state)}`;
}

function damageOf(work: () => void): EventUnreadable | LogUnavailable | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof EventUnreadable) return error;
    if (error instanceof LogUnavailable && error.code === 'log_failed') return error;
    throw error;
  }
  return undefined;
}

function finding(
  type: Finding['type'],
  { position, stream }: ChainedEvent,
  expected: string,
  found: string,
): Finding {
  return { type, position, stream, expected, found };
}

function fileDamaged(found: string): Finding {
  return { type: 'file_damaged', position: 0, stream: '', expected: 'a sound file', found };
}

function unreadable(position: Position, stream: string, found: string): Finding {
  return { type: 'event_unreadable', position, stream, expected: 'an event that can be read', found };
}
