/** `replay --verify`: decides every journalled ledger operation again with the router's own code, and compares. */
import {
  DecisionVerification,
  type PoolDifference,
  type TicketGap,
  type Verdict,
  type VerifiedDecisions,
} from '../../actors/index.ts';
import { type JournalReader, renderTime, type TimeRange } from '../../eventlog/index.ts';
import { type Moment, timeBetween } from './moment.ts';
import type { Room } from './room.ts';

export type VerifyDecisionsWish = { readonly from?: Moment; readonly to?: Moment };

export type NamedVerdict = { readonly word: string; readonly backend?: string; readonly waiter?: number };

export type NamedDifference = Omit<PoolDifference, 'poolKey' | 'nowMs' | 'run' | 'decided' | 'recorded'> & {
  readonly pool: string;
  readonly at: string;
  readonly run: string;
  readonly decided: NamedVerdict;
  readonly recorded: NamedVerdict;
};

export type DecisionsVerified = Omit<VerifiedDecisions, 'differences' | 'gaps'> & {
  /** No difference, and nothing unreadable. */
  readonly ok: boolean;
  readonly differences: readonly NamedDifference[];
  /** Tickets that the journal lacks. */
  readonly gaps: readonly (Omit<TicketGap, 'poolKey' | 'run'> & {
    readonly pool: string;
    readonly run: string;
  })[];
  /** Gaps that the journal itself recorded. */
  readonly recordedGaps: readonly { readonly from: string; readonly to: string; readonly cause: string }[];
  /** The parts of the journal that could not be read. */
  readonly damaged: readonly string[];
  readonly perSecond: number;
};

// So that there is a checkpoint before the first operation asked for.
const AHEAD_MS = 2500;

/** Everything journalled before this time has been decided again. */
export type DecisionsProgress = { readonly at: string };

export async function* verifyJournal(
  wish: VerifyDecisionsWish,
  room: Room,
): AsyncGenerator<DecisionsProgress, DecisionsVerified> {
  const journal = room.journal();
  const range = rangeOf(room, wish);
  const verification = new DecisionVerification(journal.checkpoints(undefined, range));
  let busyMs = 0;
  for (const block of journal.operations(undefined, range)) {
    const since = performance.now();
    verification.take(block);
    busyMs += performance.now() - since;
    await room.breathe();
    yield { at: renderTime(block.sealedAtMs) };
  }
  const { differences, gaps, ...counts } = verification.result();
  const damaged = room.damage();
  return {
    ok: differences.length === 0 && damaged.length === 0,
    ...counts,
    differences: differences.map((difference) => named(journal, difference)),
    gaps: gaps.map(({ poolKey, run, ...gap }) => ({
      pool: poolOf(journal, poolKey),
      run: renderTime(run),
      ...gap,
    })),
    recordedGaps: journal
      .gaps()
      .map(({ fromMs, toMs, cause }) => ({ from: renderTime(fromMs), to: renderTime(toMs), cause })),
    damaged,
    perSecond: busyMs === 0 ? 0 : Math.round((1000 * counts.decisions) / busyMs),
  };
}

function rangeOf({ log }: Room, { from, to }: VerifyDecisionsWish): TimeRange {
  const range = timeBetween(log, from, to);
  return range.fromMs === undefined ? range : { ...range, fromMs: range.fromMs - AHEAD_MS };
}

function named(journal: JournalReader, difference: PoolDifference): NamedDifference {
  const { poolKey, nowMs, run, decided, recorded, ...rest } = difference;
  return {
    pool: poolOf(journal, poolKey),
    at: renderTime(nowMs),
    run: renderTime(run),
    decided: verdictOf(journal, decided),
    recorded: verdictOf(journal, recorded),
    ...rest,
  };
}

function verdictOf(journal: JournalReader, { word, backendKey, waiter }: Verdict): NamedVerdict {
  return {
    word,
    ...(backendKey === undefined ? {} : { backend: journal.nameOf(backendKey) ?? `backend ${backendKey}` }),
    ...(waiter === undefined ? {} : { waiter }),
  };
}

function poolOf(journal: JournalReader, key: number): string {
  return journal.nameOf(key) ?? `pool ${key}`;
}
