/**
 * Changes on trial: an `apply` that is undone unless it is confirmed in time. Trials are recorded in the log, beside
 * the answer of the command, so they survive a restart of the router.
 *
 *   on trial ──confirmed in time──▶ kept
 *       └──────not, or not in time──▶ undone: whatever nobody changed again meanwhile is as it was before
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Answer, By, ChildSpec, Desk, Plan } from '../../actors/index.ts';
import { crashed, digestOf } from '../../actors/index.ts';
import type { EventLog, Position } from '../../eventlog/index.ts';
import {
  CONFIRMED,
  type Historian,
  ON_TRIAL,
  shortened,
  streamsOf,
  type Trial,
  trialOf,
  UNDONE,
} from '../history/index.ts';
import { Refused } from './http/problem.ts';
import type { Logger } from './logger.ts';
import { restoring } from './restoring.ts';

export type ConfirmationsOptions = {
  readonly desk: () => Desk;
  readonly log: () => Pick<EventLog, 'answered' | 'commands'>;
  readonly history: Historian;
  readonly now: () => number;
  readonly logger: Logger;
  /** Between two attempts to undo; 5000 by default. */
  readonly retryMs?: number;
};

type Live = Trial & {
  timer: NodeJS.Timeout | undefined;
  state: 'on trial' | 'ending';
  /** Why it is not undone although its time is over, as last logged. */
  hindrance?: string;
};

export type Confirmed =
  | { readonly type: 'confirmed' | 'unknown' }
  /** `left`: what stayed as it is, and why. */
  | { readonly type: 'undone'; readonly left: readonly string[] }
  | Extract<Answer, { type: 'rejected' }>;

// Reasons to retry: an owner that is restarting, a full disk. Until it is undone, the change stays in force.
const RETRY_MS = 5000;
// A day: the longest trial. If the clock was set back, more would seem to be left than a timer can hold.
const LONGEST_MS = 86_400_000;

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #live = new Map<string, Live>();
  /** The trial whose plan was chosen and is on its way into the log. */
  #coming: string | undefined;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  childSpec(): ChildSpec {
    return {
      id: 'confirmations',
      kind: 'confirmations',
      restart: 'permanent',
      shutdownMs: 'brutal',
      start: async (context) => {
        await this.#remember();
        const stop = () => this.#stop();
        const crash = (error: Error) => {
          stop();
          context.exited(crashed(error));
        };
        return { stop, crash };
      },
    };
  }

  /** Trials that may still be confirmed, the most urgent first. */
  list(): readonly Trial[] {
    return [...this.#live.values()]
      .map(({ id, untilMs, before, position }) => ({ id, untilMs, before, position }))
      .sort((a, b) => a.untilMs - b.untilMs);
  }

  /** Chooses the command id of a change on trial; a repeated change gets the same one. */
  commandFor(by: By): By & { readonly commandId: string } {
    const { commandId } = by;
    const id =
      commandId === undefined
        ? randomBytes(6)
        : createHash('sha256').update(commandId).digest().subarray(0, 6);
    return { ...by, commandId: ON_TRIAL + id.toString('hex') };
  }

  /**
   * Puts a change in force at once and stores what its trial needs beside the answer. One at a time: with two, undoing
   * the second would bring back what the first had changed.
   */
  async putOnTrial(
    plan: Plan,
    withinMs: number,
    by: By & { readonly commandId: string },
    digest: string,
  ): Promise<Answer> {
    const noted: Plan = async (now) => {
      const other = this.list()[0]?.id ?? this.#coming;
      if (other !== undefined)
        throw new Refused(
          'confirmation_pending',
          `expected no change on trial, found ${other}; confirm it first`,
        );
      const planned = await plan(now);
      if (planned.type === 'rejected') return planned;
      this.#coming = idOf(by.commandId);
      return { ...planned, note: { untilMs: this.#options.now() + withinMs, before: now.position } };
    };
    try {
      return await this.#options.desk().carryOut(noted, by, digest);
    } finally {
      // Even if refused or failed, the log says whether it is in force: an owner may have crashed after the append.
      await this.#begin(by.commandId).finally(() => {
        if (this.#coming === idOf(by.commandId)) this.#coming = undefined;
      });
    }
  }

  /** Undefined if nothing was changed, or the trial is already decided. */
  trial(commandId: string): Trial | undefined {
    return this.list().find(({ id }) => id === idOf(commandId));
  }

  async confirm(id: string, by: By): Promise<Confirmed> {
    const live = this.#live.get(id);
    if (live === undefined) return this.#decision(id);
    const plan: Plan = () => {
      if (live.state === 'ending') return { type: 'rejected', rejection: LATE };
      live.state = 'ending';
      return { type: 'commands', commands: [] };
    };
    const as = { ...by, commandId: CONFIRMED + id };
    let answer: Answer | undefined;
    try {
      answer = await this.#options.desk().carryOut(plan, as, digestOf(as.commandId));
    } finally {
      // If the confirmation was refused or failed in another way, the change stays on trial.
      if (answer?.type === 'done') this.#forget(id);
      else if (answer?.rejection !== LATE) this.#again(live, live.untilMs - this.#options.now());
    }
    if (answer.type === 'done') return { type: 'confirmed' };
    return answer.rejection === LATE ? this.#decision(id) : answer;
  }

  async #begin(commandId: string): Promise<void> {
    const kept = await this.#options.log().answered(commandId);
    const trial = kept && trialOf(commandId, kept.position, kept.answer);
    if (trial === undefined || (await this.#isDecided(trial.id)) || this.#live.has(trial.id)) return;
    const live = this.#keep(trial);
    this.#again(live, live.untilMs - this.#options.now());
  }

  async #decision(id: string): Promise<Confirmed> {
    const { log } = this.#options;
    if ((await log().answered(CONFIRMED + id)) !== undefined) return { type: 'confirmed' };
    const undone = await log().answered(UNDONE + id);
    if (undone === undefined) return { type: 'unknown' };
    const { note } = undone.answer as { readonly note?: { readonly left: readonly string[] } };
    return { type: 'undone', left: note?.left ?? [] };
  }

  async #isDecided(id: string): Promise<boolean> {
    return (await this.#decision(id)).type !== 'unknown';
  }

  /** Trials that ran out meanwhile are undone, if possible, before the actors that start next. */
  async #remember(): Promise<void> {
    for (const { commandId, position, answer } of await this.#options.log().commands(ON_TRIAL)) {
      const trial = trialOf(commandId, position, answer);
      if (trial === undefined || (await this.#isDecided(trial.id))) continue;
      const live = this.#keep(trial);
      const leftMs = trial.untilMs - this.#options.now();
      if (leftMs > 0) this.#again(live, leftMs);
      else await this.#undo(live);
    }
  }

  #keep(trial: Trial): Live {
    const live: Live = { ...trial, timer: undefined, state: 'on trial' };
    this.#live.set(trial.id, live);
    return live;
  }

  #again(live: Live, ms: number): void {
    if (this.#live.get(live.id) !== live) return;
    live.state = 'on trial';
    clearTimeout(live.timer);
    live.timer = setTimeout(() => void this.#undo(live), Math.min(LONGEST_MS, Math.max(0, ms)));
  }

  async #undo(live: Live): Promise<void> {
    const { logger } = this.#options;
    const { id } = live;
    if (live.state === 'ending') return;
    try {
      // A confirmation may have been written although its answer was lost.
      if ((await this.#decision(id)).type === 'confirmed') return this.#forget(id);
      const { answer, left } = await this.#carriedBack(live);
      if (answer.type === 'rejected') {
        // It was confirmed at the last moment.
        if (answer.rejection === LATE) return;
        this.#tellHindrance(live, answer.rejection.detail, { reason: answer.rejection });
      } else {
        this.#forget(id);
        const { position, changed } = answer;
        logger.warn({ id, position, changed, left }, 'not confirmed in time: undone');
        return;
      }
    } catch (error) {
      this.#tellHindrance(live, (error as Error).message, { err: error });
    }
    this.#again(live, this.#options.retryMs ?? RETRY_MS);
  }

  /** Logs each hindrance once: a log may be unavailable for hours. */
  #tellHindrance(live: Live, hindrance: string, what: object): void {
    if (live.hindrance === hindrance) return;
    live.hindrance = hindrance;
    this.#options.logger.error(
      { id: live.id, ...what },
      'not confirmed in time, but cannot be undone yet; retrying',
    );
  }

  async #carriedBack(live: Live): Promise<{ readonly answer: Answer; readonly left: readonly string[] }> {
    const { desk, history } = this.#options;
    const undoneAt = async (at?: Position) => {
      const undone = await history.ask('undone', { position: live.position, at });
      if (undone !== undefined) return undone;
      throw new Error(`expected a change at position ${live.position}, found none`);
    };
    // Computed before the desk's turn, so that others wait less; usually nothing happens in between.
    const found = await undoneAt();
    let left: readonly string[] = [];
    const plan: Plan = async (now) => {
      if (live.state === 'ending') return { type: 'rejected', rejection: LATE };
      live.state = 'ending';
      const undone = found.at === now.position ? found : await undoneAt(now.position);
      left = shortened(undone.left);
      const owners = await now.owners(streamsOf(undone.changes));
      const planned = restoring(undone.changes, undone.routing, owners);
      return planned.type === 'rejected' ? planned : { ...planned, note: { left } };
    };
    const by = { author: 'confirm-within', commandId: UNDONE + live.id };
    return { answer: await desk().carryOut(plan, by, digestOf(UNDONE + live.id)), left };
  }

  #forget(id: string): void {
    clearTimeout(this.#live.get(id)?.timer);
    this.#live.delete(id);
  }

  #stop(): void {
    for (const id of this.#live.keys()) this.#forget(id);
  }
}

// Compared by identity: the first decision ends a trial, and a later one is told so.
const LATE = { type: 'version_mismatch', detail: 'decided already', expected: 0, found: 0, won: [] } as const;

function idOf(commandId: string): string {
  return commandId.slice(ON_TRIAL.length);
}
