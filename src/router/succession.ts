/**
 * The old process's side of a takeover (`serve --take-over`). While room is made for the new process, this one routes
 * by what is published, takes no commands, and reads the log that the new one writes.
 *
 *   alone ──begun──▶ asked ──room is wanted──▶ room made ──place is wanted──▶ place given: it drains and ends
 *     ▲                └───── the other is gone ────┴──▶ taken back
 *     ╰─────────────────────────────────────────────────────┘
 */
import { setTimeout as later } from 'node:timers/promises';
import type { System } from '../../actors/index.ts';
import { LogUnavailable } from '../../eventlog/index.ts';
import type { Held, Succession, Successions } from '../admin/index.ts';
import type { ProcessLog } from '../telemetry/process-log.ts';
import type { LogAtHand } from './log-at-hand.ts';

export type SuccessionsOptions = {
  /** Undefined: the directory is gone. */
  readonly directory: () => string | undefined;
  readonly held: () => readonly Held[];
  readonly system: () => System;
  readonly atHand: LogAtHand;
  /** Releases the admin API's address. */
  readonly leaveAdmin: () => Promise<void>;
  /** The other process has taken the place. */
  readonly replaced: (pid: number) => void;
  readonly log: ProcessLog;
};

// How often to check whether the log is open; opening takes a tenth of a second once the other process is gone.
const LOOK_MS = 50;

export class RouterSuccessions implements Successions {
  readonly #options: SuccessionsOptions;
  #present: RouterSuccession | undefined;
  /** This process is ending: there is nothing to take back. */
  isOver = false;

  constructor(options: SuccessionsOptions) {
    this.#options = options;
  }

  get directory(): string | undefined {
    return this.#options.directory();
  }

  get pid(): number | undefined {
    return this.#present?.pid;
  }

  begin(pid: number): Succession {
    const { log } = this.#options;
    log.info({ successor: pid }, `process ${pid} wants to take over`);
    const succession = new RouterSuccession(pid, this.#options, () => this.#ended(succession));
    this.#present = succession;
    return succession;
  }

  #ended(succession: RouterSuccession): void {
    if (this.isOver) return;
    void succession
      .takenBack(() => this.isOver)
      .then(() => {
        this.#present = undefined;
      });
  }
}

class RouterSuccession implements Succession {
  readonly pid: number;
  readonly #options: SuccessionsOptions;
  readonly #ended: () => void;
  #state: 'asked' | 'room made' | 'place given' = 'asked';

  constructor(pid: number, options: SuccessionsOptions, ended: () => void) {
    this.pid = pid;
    this.#options = options;
    this.#ended = ended;
  }

  get held(): readonly Held[] {
    return this.#options.held();
  }

  async makeRoom(): Promise<void> {
    const { system, atHand, log } = this.#options;
    const why = `process ${this.pid} is taking over; ask again in a moment`;
    await system().desk.shut(new LogUnavailable('log_closed', `expected to hold the log, found that ${why}`));
    this.#state = 'room made';
    atHand.letGo();
    log.info({ successor: this.pid }, 'handed over the log: commands are refused, requests go on');
  }

  async givePlace(): Promise<void> {
    if (this.#state !== 'room made') throw new Error('expected room to be wanted before the place');
    await this.#options.leaveAdmin();
    this.#state = 'place given';
  }

  end(): void {
    if (this.#state === 'place given') this.#options.replaced(this.pid);
    else this.#ended();
  }

  /** Also puts in force what the other process wrote before it ended. */
  async takenBack(isOver: () => boolean): Promise<void> {
    const { system, log } = this.#options;
    const { pid } = this;
    const gone = `process ${pid} is gone without having taken over`;
    log.warn({ successor: pid }, gone);
    if (this.#state === 'asked') return;
    system().reopenLog(new LogUnavailable('log_closed', `${gone}: the log is opened again`));
    while (!isOver()) {
      await later(LOOK_MS, undefined, { ref: false });
      try {
        await system().desk.reopen();
        return log.info({ successor: pid }, 'took the log back: commands are carried out again');
      } catch (error) {
        if (error instanceof LogUnavailable) continue;
        return log.error({ err: error }, 'cannot take the log back: commands stay refused');
      }
    }
  }
}
