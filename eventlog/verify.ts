/**
 * Is a log what was written? Every link of the chain, every position and version, every event's readability, and
 * that current rows and snapshots equal the fold of their stream. It goes by pages, so that it can run beside others.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { baseDigest } from './base.ts';
import { Chain } from './chain.ts';
import { EventUnreadable, LogUnavailable } from './errors.ts';
import type { Position } from './event-log.ts';
import { type Finding, fileDamaged, unreadable } from './finding.ts';
import type { Kept, LogInspection, LogReader, StoredCurrent, StoredSnapshot } from './log-reader.ts';
import { quoted } from './names.ts';
import { cachesOf, kindOf } from './rebuild.ts';
import type { OwnerProjection, ProjectionOf } from './replay.ts';
import type { ChainedEvent } from './stored-event.ts';

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
  yield baseFindings(log);
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

/** A base cannot be folded again: its events are elsewhere. Its seal says whether it is what was written. */
function baseFindings(log: Log): readonly Finding[] {
  const base = log.base();
  if (base === undefined) return [];
  const found = baseDigest(base.hash, statesOf(log));
  if (found === base.digest) return [];
  const { position, digest } = base;
  return [{ type: 'base_wrong', position, stream: '', expected: `a base with seal ${digest}`, found }];
}

function* statesOf(log: Log): Generator<StoredCurrent> {
  for (let after = ''; ; ) {
    const page = log.baseStates(after, PAGE);
    yield* page;
    after = page.at(-1)?.stream ?? after;
    if (page.length < PAGE) return;
  }
}

/** Page by page in order of position. Events appended meanwhile are verified the next time. */
function* chainFindings(log: Log, progress: Progress): Generator<readonly Finding[]> {
  const last = log.position();
  const chain = new Chain(log);
  for (let from = (log.base()?.position ?? 0) + 1; from <= last; ) {
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
      .filter(({ stream }) => log.positionOf(stream, 1) === 0 && log.baseState(stream) === undefined)
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
