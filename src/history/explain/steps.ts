/**
 * A request's way through its pool's ledger: each lease, wait and refusal, with the state of the pool at that moment.
 */
import type { LedgerRecord, Wait } from '../../../actors/index.ts';
import { type AttemptRecord, type RequestRecord, renderTime } from '../../../eventlog/index.ts';
import type { LedgerPast, Met } from './ledger-past.ts';
import type { Names } from './names.ts';
import { whyLeft, whyPicked, whyQueued, whyRefused, whyUnmade, whyUnsettled, whyUnused } from './reasons.ts';
import type { Sight, Step } from './story.ts';

type Of<Op extends LedgerRecord['op']> = Extract<LedgerRecord, { op: Op }>;

const UNKNOWN = 'the journal does not have the operation of the ledger';
// Outcomes with which the ledger itself turns a request away at once.
const OF_THE_LEDGER: ReadonlySet<string> = new Set(['starting', 'queue_full']);

export class Steps {
  readonly #request: RequestRecord;
  readonly #past: LedgerPast;
  readonly #names: Names;
  readonly #steps: Step[] = [];
  /** The thread that asks the ledger; undefined: not known. */
  #thread: number | undefined;

  constructor(request: RequestRecord, past: LedgerPast, names: Names) {
    this.#request = request;
    this.#past = past;
    this.#names = names;
  }

  async all(): Promise<readonly Step[]> {
    for (const attempt of this.#attemptsInTime()) await this.#attempt(attempt);
    if (this.#endedWithoutLease()) await this.#lastAsking();
    return this.#steps;
  }

  /**
   * The attempt that the request ended with is recorded last; an unsuccessful one made beside it may have begun later.
   */
  #attemptsInTime(): AttemptRecord[] {
    const { attempts, startedAtMs } = this.#request;
    const begun = (attempt: AttemptRecord) => attempt.startedAtMs ?? startedAtMs;
    return attempts.toSorted((one, other) => begun(one) - begun(other));
  }

  async #attempt(attempt: AttemptRecord): Promise<void> {
    const nearMs = attempt.startedAtMs ?? this.#request.startedAtMs;
    const { ticket } = attempt;
    const met = await this.#past.meet({
      nearMs,
      fromTicket: ticket,
      is: (record) => record.ticket === ticket,
    });
    const backend = this.#names.of(attempt.backend.key);
    const end = attempt.end ?? null;
    if (met?.record.op === 'checkout') this.#leased(met, met.record, backend, end);
    else if (met?.record.op === 'grant') await this.#granted(met, met.record, backend, end);
    else
      this.#steps.push({
        type: 'unknown',
        at: renderTime(nearMs),
        ticket,
        backend,
        why: UNKNOWN,
        end,
        sight: null,
      });
  }

  #leased(met: Met, record: Of<'checkout'>, backend: string, end: string | null): void {
    this.#thread = record.thread;
    const sight = this.#sight(met, record);
    this.#steps.push({
      type: 'leased',
      at: renderTime(record.nowMs),
      ticket: record.ticket,
      backend,
      why: sight === null ? UNKNOWN : whyPicked(sight, backend),
      end,
      sight,
    });
  }

  async #granted(met: Met, record: Of<'grant'>, backend: string, end: string | null): Promise<void> {
    const { waiter: ticket } = record;
    const nearMs = record.nowMs;
    const asked = await this.#past.meet({ nearMs, fromTicket: ticket, is: (each) => each.ticket === ticket });
    this.#thread = asked?.record.thread;
    if (asked?.record.op === 'enqueue') this.#queued(asked, asked.record);
    const waiter = met.pool?.waiter(ticket);
    const sight = waiter === undefined ? null : this.#sight(met, { ...waiter, nowMs: record.nowMs });
    const waitedMs = asked === undefined ? '' : ` after ${Math.round(nearMs - asked.record.nowMs)} ms`;
    const why = sight === null ? 'it was its turn' : whyPicked(sight, backend);
    this.#steps.push({
      type: 'granted',
      at: renderTime(record.nowMs),
      ticket: record.ticket,
      backend,
      why: `first in the queue of those who could have it${waitedMs}: ${why}`,
      end,
      sight,
    });
  }

  #queued(met: Met, record: Of<'enqueue'>): void {
    const sight = this.#sight(met, record);
    this.#steps.push({
      type: 'queued',
      at: renderTime(record.nowMs),
      ticket: record.ticket,
      backend: null,
      why: whyQueued(sight),
      end: null,
      sight,
    });
  }

  /** The request ended in its pool, and its last lease, if any, led to nothing. */
  #endedWithoutLease(): boolean {
    const { attempts, phase, pool } = this.#request;
    const last = attempts.at(-1);
    return pool !== undefined && phase === 'checkout' && (last === undefined || last.end !== undefined);
  }

  async #lastAsking(): Promise<void> {
    const { attempts, endedAtMs, outcome } = this.#request;
    const last = attempts.at(-1);
    const met = await (last === undefined ? this.#firstAsking() : this.#nextAsking(last));
    if (met === undefined) this.#unasked();
    if (met?.record.op === 'refuse') this.#refused(met, met.record);
    if (met?.record.op !== 'enqueue') return;
    this.#queued(met, met.record);
    const { ticket } = met.record;
    // The pool may have been removed, or put to sleep, long after it left.
    const isDropped = outcome === 'no_backends';
    const isOver = (record: LedgerRecord) =>
      record.op === 'leave'
        ? record.waiter === ticket
        : record.op === 'drop' && isDropped && record.ticket > ticket;
    const left = await this.#past.meet({ nearMs: endedAtMs, is: isOver });
    if (left === undefined) this.#ended('unknown', UNKNOWN);
    else this.#left(left, ticket, left.record.op === 'leave' ? left.record.wait : 'no_backends');
  }

  #firstAsking(): Promise<Met | undefined> {
    const { startedAtMs } = this.#request;
    const is = (record: LedgerRecord) => isTurnedAway(record) && record.nowMs === startedAtMs;
    return this.#past.meet({ nearMs: startedAtMs, is });
  }

  /**
   * Other requests try the same backends. This one asks as soon as it has given back its lease, or has waited long
   * enough for a response.
   */
  #nextAsking(last: AttemptRecord): Promise<Met | undefined> {
    const { attempts, endedAtMs } = this.#request;
    const tried = attempts.map(({ backend }) => backend.key);
    const isIts = ({ thread }: LedgerRecord) => this.#thread === undefined || thread === this.#thread;
    let mayAsk = last.end === 'first_byte_timeout';
    const is = (record: LedgerRecord) => {
      mayAsk ||= record.op === 'checkin' && record.lease === last.ticket;
      if (!mayAsk || !isTurnedAway(record) || record.nowMs > endedAtMs) return false;
      return isIts(record) && sameKeys(record.tried, tried);
    };
    return this.#past.meet({ nearMs: endedAtMs, fromTicket: last.ticket + 1, is });
  }

  /**
   * It waited for its ledger, or for its worker to learn what the ledger granted; or left at that moment; or the journal
   * lacks its operation.
   */
  #unasked(): void {
    const { attempts, outcome, waitedMs, startedAtMs, endedAtMs } = this.#request;
    const end = attempts.at(-1)?.end;
    const isFirst = attempts.length === 0 && waitedMs === undefined;
    if (outcome === 'no_backends') this.#ended('refused', whyRefused(null, outcome));
    else if (isFirst && !OF_THE_LEDGER.has(outcome))
      this.#ended('left', whyUnmade(endedAtMs - startedAtMs, outcome));
    else if (outcome === 'owner_unavailable') this.#ended('left', whyUnsettled());
    else if (end === 'unused') this.#ended('left', whyUnused());
    else if (outcome !== end) this.#ended('unknown', UNKNOWN);
  }

  /** Ends the story without an operation of the ledger. */
  #ended(type: Step['type'], why: string): void {
    const at = renderTime(this.#request.endedAtMs);
    this.#steps.push({ type, at, ticket: null, backend: null, why, end: null, sight: null });
  }

  #refused(met: Met, record: Of<'refuse'>): void {
    const sight = this.#sight(met, record);
    this.#steps.push({
      type: 'refused',
      at: renderTime(record.nowMs),
      ticket: record.ticket,
      backend: null,
      why: whyRefused(sight, record.refusal),
      end: null,
      sight,
    });
  }

  #left(met: Met, ticket: number, wait: Wait): void {
    const waiter = met.pool?.waiter(ticket);
    const sight = waiter === undefined ? null : this.#sight(met, { ...waiter, nowMs: met.record.nowMs });
    this.#steps.push({
      type: 'left',
      at: renderTime(met.record.nowMs),
      ticket: met.record.ticket,
      backend: null,
      why: whyLeft(sight, wait),
      end: null,
      sight,
    });
  }

  #sight(met: Met, asked: Parameters<NonNullable<Met['pool']>['look']>[0]): Sight | null {
    return met.pool === undefined ? null : this.#names.sight(met.pool.look(asked));
  }
}

function isTurnedAway(record: LedgerRecord): record is Of<'enqueue'> | Of<'refuse'> {
  return record.op === 'enqueue' || record.op === 'refuse';
}

function sameKeys(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index]);
}
