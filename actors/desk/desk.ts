/**
 * Where commands become events: a command waits for its turn, its owners decide, the log records, the owners evolve, the
 * workers are told, and only then is it answered.
 *
 *   turn ─▶ asked before? ─▶ decide ─▶ append ─▶ evolve ─▶ published ─▶ answer
 */
import {
  type Happened,
  happenedOf,
  type Json,
  type LogUnavailable,
  type Position,
  type Recorded,
} from '../../eventlog/index.ts';
import { nowIn } from '../present.ts';
import type { Answer, Borrower, By, Command, LendingDesk, Now, Plan } from './command.ts';
import { CommandHandler, type CommandHandlerOptions } from './command-handler.ts';
import { turnsFor, turnsForAll } from './command-turns.ts';
import { OwnerUnavailable } from './desk-owners.ts';
import { digestOf } from './digest.ts';
import { refusalFor } from './refusals.ts';
import type { Rejection } from './rejection.ts';
import { type Turn, Turns } from './turns.ts';

export type DeskOptions = CommandHandlerOptions;

// The turn on everything that `apply` may touch. A single command takes it to read, a plan to write: then nothing happens
// in between.
const EVERYTHING = 'everything';
const ALL: readonly Turn[] = [{ key: EVERYTHING, mode: 'write' }];
// Enough for most of what a borrower wrote and did not live to report.
const PAGE = 1000;

export class RoutingDesk implements LendingDesk {
  readonly #options: DeskOptions;
  readonly #handler: CommandHandler;
  readonly #turns = new Turns();
  /** Commands under way or waiting for their turn. */
  #asked = 0;
  #lentTo: Borrower | undefined;
  /** Why it takes no commands, and where the log ended after the last one. */
  #shut: { readonly why: LogUnavailable; readonly at: Promise<Position> } | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#handler = new CommandHandler(options);
  }

  ask(command: Command, by: By): Promise<Answer> {
    const request = { by, digest: digestOf(command as unknown as Json) };
    const turns: Turn[] = [{ key: EVERYTHING, mode: 'read' }, ...turnsFor(command)];
    return this.#inTurn(turns, () => this.#handler.one(command, request));
  }

  carryOut(plan: Plan, by: By, digest: string): Promise<Answer> {
    return this.#inTurn(ALL, () => this.#handler.planned(plan, { by, digest }));
  }

  askTogether(commands: readonly Command[], by: By, digest: string): Promise<Answer> {
    const turns: Turn[] = [{ key: EVERYTHING, mode: 'read' }, ...turnsForAll(commands)];
    return this.#inTurn(turns, () => this.#handler.together(commands, { by, digest }));
  }

  look<T>(work: (now: Now) => Promise<T>): Promise<T> {
    return this.#alone(async () => work(await nowIn(this.#options.log)));
  }

  async refusalOf(commands: readonly Command[]): Promise<Rejection | undefined> {
    return (await this.#handler.refusalOf(commands))?.rejection;
  }

  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#shut === undefined ? this.#alone(work) : Promise.reject(this.#shut.why);
  }

  get trouble(): LogUnavailable | undefined {
    return this.#shut?.why;
  }

  /** Commands that came before are still carried out. */
  async shut(why: LogUnavailable): Promise<void> {
    const before = this.#shut;
    const at = before?.at ?? this.#alone(() => this.#options.log.position());
    this.#shut = { why, at };
    try {
      await at;
    } catch (error) {
      this.#shut = before;
      throw error;
    }
  }

  async reopen(): Promise<void> {
    const { at } = this.#shut ?? {};
    if (at === undefined) return;
    const from = await at;
    try {
      await this.#alone(async () => this.#witness(await this.#since(from)));
    } catch (error) {
      // An owner that is unavailable reads them when it is started again.
      if (!(error instanceof OwnerUnavailable)) throw error;
    }
    this.#shut = undefined;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#lentTo?.wanted('other');
    return this.#turns.take(ALL, work);
  }

  async lend(borrower: Borrower): Promise<void> {
    if (this.#shut !== undefined) throw this.#shut.why;
    // A borrower that still has the log and asks for its next turn need not hurry for itself.
    if (this.#lentTo !== borrower) this.#lentTo?.wanted('other');
    await this.#turns.take(ALL, async () => {
      this.#lentTo = borrower;
      // For those who came before its turn began.
      if (this.#asked > 0) borrower.wanted('command');
      else if (this.#turns.depth(EVERYTHING) > 1) borrower.wanted('other');
      try {
        await this.#lent(borrower);
      } finally {
        this.#lentTo = undefined;
      }
    });
  }

  async #lent(borrower: Borrower): Promise<void> {
    let position = await this.#options.log.position();
    try {
      for await (const happened of borrower.writes()) {
        position = happened.last;
        const settled = this.#witness(happened).then(() => undefined, refusalFor);
        borrower.inForce(settled);
        // The borrower was told of `settled`, so it handles a failure.
        await settled.catch(() => undefined);
      }
    } catch (error) {
      // If this fails too, the feed finds those events in the log when it is told of later ones.
      await this.#witness(await this.#since(position));
      throw error;
    }
  }

  async #inTurn(turns: readonly Turn[], work: () => Promise<Answer>): Promise<Answer> {
    if (this.#shut !== undefined) return { type: 'rejected', rejection: refusalFor(this.#shut.why) };
    this.#asked += 1;
    this.#lentTo?.wanted('command');
    try {
      return await this.#turns.take(turns, work);
    } finally {
      this.#asked -= 1;
    }
  }

  async #witness(happened: Happened | undefined): Promise<void> {
    if (happened === undefined) return;
    this.#options.log.witness(happened);
    await this.#handler.putInForce(happened);
  }

  async #since(position: Position): Promise<Happened | undefined> {
    const events: Recorded[] = [];
    for (;;) {
      const page = await this.#options.log.read({ from: position + events.length + 1, limit: PAGE });
      events.push(...page);
      if (page.length < PAGE) return events.length === 0 ? undefined : happenedOf(events);
    }
  }
}
