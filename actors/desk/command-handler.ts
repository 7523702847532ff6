/**
 * Carries out a command whose turn has come: its owners decide, the log records, the owners evolve, the workers are told.
 * Nothing else may decide about the same owners meanwhile: the desk ensures that, or a caller that has the log to itself.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Appended,
  type BackendId,
  type EventLog,
  type Happened,
  happenedOf,
  type Json,
  type Position,
  poolStream,
  poolsOf,
  type Recorded,
  type StreamName,
  streamsOf,
  type Version,
} from '../../eventlog/index.ts';
import { streamOf } from '../owner/owned.ts';
import { nowIn } from '../present.ts';
import type { Answer, By, Command, Plan } from './command.ts';
import { type Owners, OwnerUnavailable, type Proposal } from './desk-owners.ts';
import { poolsNamedBy } from './named-pools.ts';
import { refusalOfPlan } from './plan-refusal.ts';
import { type Kept, type Proposed, proposedBy } from './proposals.ts';
import { clashing, inUse, mismatch, type Rejected, refusalFor, reused, unknownPool } from './refusals.ts';
import type { Rejection } from './rejection.ts';

export type CommandHandlerOptions = {
  readonly log: EventLog;
  readonly owners: Owners;
  /** Resolves when every worker will know of this position before it routes the next request. */
  readonly published: (position: Position) => Promise<void>;
  readonly newCommandId: () => string;
};

/** `digest`: of the command, to compare it with an earlier one under the same id. */
export type Request = { readonly by: By; readonly digest: string };

// Fewer take about 20 ms altogether, and most calls have one command.
const MANY = 500;
// Conflicts come from owners that were rebuilt meanwhile; a third one in a row is no accident.
const TRIES = 3;

export class CommandHandler {
  readonly #options: CommandHandlerOptions;

  constructor(options: CommandHandlerOptions) {
    this.#options = options;
  }

  one(command: Command, request: Request): Promise<Answer> {
    return this.#answerOnce(request, async () => {
      const refusal = await this.#refusal(command);
      return refusal ?? this.#perform([command], request);
    });
  }

  planned(plan: Plan, request: Request): Promise<Answer> {
    return this.#answerOnce(request, async () => {
      const planned = await plan(await nowIn(this.#options.log));
      if (planned.type === 'rejected') return planned;
      const refusal = await this.refusalOf(planned.commands);
      return refusal ?? this.#perform(planned.commands, { ...request, note: planned.note });
    });
  }

  /** Puts of pools and domains, at most one command for each. */
  together(commands: readonly Command[], request: Request): Promise<Answer> {
    return this.#answerOnce(request, async () => {
      const refusal = await this.#refusalOfAll(commands);
      return refusal ?? this.#perform(commands, request);
    });
  }

  refusalOf(commands: readonly Command[]): Promise<Rejected | undefined> {
    return refusalOfPlan(commands, this.#options.log);
  }

  /**
   * Puts events that are in the log in force: owners evolve, and workers are told. If an owner is unavailable, rejects with
   * `OwnerUnavailable` once all others know; that owner reads the events when it is started again.
   */
  async putInForce(happened: Happened): Promise<void> {
    const { owners, published } = this.#options;
    let unavailable: OwnerUnavailable | undefined;
    // In a bulk nearly all owners are asleep, so none is waited for.
    const isAwake = (stream: StreamName) => owners.isAwake(stream);
    const isAnyAwake =
      happened.packed === undefined
        ? happened.events.some(({ stream }) => isAwake(stream))
        : streamsOf(happened.packed).some(isAwake);
    if (isAnyAwake) {
      for (const [stream, events] of byStream(happened.events))
        if (isAwake(stream)) unavailable = (await this.#broughtUpTo(stream, events)) ?? unavailable;
    }
    await published(happened.last);
    if (unavailable !== undefined) throw unavailable;
  }

  async #broughtUpTo(stream: StreamName, events: readonly Recorded[]): Promise<OwnerUnavailable | undefined> {
    try {
      await this.#options.owners.bringUpTo(stream, events.at(-1)?.version ?? 0, events);
      return undefined;
    } catch (error) {
      if (error instanceof OwnerUnavailable) return error;
      throw error;
    }
  }

  /** A command that was answered before gets the same answer; a failure on the way becomes a definite rejection. */
  async #answerOnce(request: Request, work: () => Promise<Answer>): Promise<Answer> {
    try {
      const { commandId } = request.by;
      const before = commandId === undefined ? undefined : await this.#options.log.answered(commandId);
      if (before === undefined) return await work();
      if (before.digest !== request.digest) return reused(commandId ?? '');
      return await this.#again(before);
    } catch (error) {
      return { type: 'rejected', rejection: refusalFor(error) };
    }
  }

  async #again(before: { readonly position: Position; readonly answer: Json }): Promise<Answer> {
    const { answer, versions } = before.answer as { answer: Kept; versions: Record<string, Version> };
    for (const [stream, version] of Object.entries(versions)) {
      await this.#options.owners.bringUpTo(stream as StreamName, version, []);
    }
    await this.#options.published(before.position);
    return { type: 'done', ...answer, position: before.position };
  }

  /** What no owner can know by itself: whether another one exists, or depends on it. */
  async #refusal(command: Command): Promise<Answer | undefined> {
    if (command.type === 'PutDomain') {
      for (const pool of poolsOf(command.settings)) {
        const { state } = await this.#options.owners.state(poolStream(pool));
        if (state === null) return unknownPool(command.host, pool);
      }
      return undefined;
    }
    if (command.type === 'RemovePool') {
      const users = await this.#options.log.domainsOf(command.pool, 5);
      return users.length > 0 ? inUse(command.pool, users) : undefined;
    }
    return undefined;
  }

  /** Checks that the pools named by the domains exist or are put with them. */
  async #refusalOfAll(commands: readonly Command[]): Promise<Rejected | undefined> {
    const { pools, places } = poolsNamedBy(commands);
    const streams = pools.map(poolStream);
    const states = await this.#options.log.statesOf(await this.#options.log.absentAmong(streams));
    const missing = states.find(({ state }) => state === null);
    if (missing === undefined) return undefined;
    const at = streams.indexOf(missing.stream);
    const place = places[at] ?? 0;
    const { host } = commands[place] as Extract<Command, { type: 'PutDomain' }>;
    return { ...unknownPool(host, pools[at] ?? ''), command: place };
  }

  async #perform(commands: readonly Command[], request: Noted): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const proposed = await this.#decide(commands);
      if (proposed.type === 'rejected') return proposed;
      const { writes, answer, versions } = proposed;
      // The decisions above were one piece of work; the write is another.
      if (writes.length > MANY) await nextTurn();
      const appended = await this.#options.log.append({
        commandId: request.by.commandId ?? this.#options.newCommandId(),
        digest: request.digest,
        author: request.by.author,
        answer: request.note === undefined ? { answer, versions } : { answer, versions, note: request.note },
        writes,
      });
      if (appended.type === 'clash') return clashing(appended);
      if (appended.type !== 'conflict') return this.#conclude(appended, answer, request);
      this.#options.owners.rebuild(appended.stream);
      if (attempt === TRIES) return mismatch(appended);
    }
  }

  async #decide(commands: readonly Command[]): Promise<Rejected | Proposed> {
    const proposed = proposedBy(commands, await this.#proposals(commands));
    if (proposed.type === 'proposed') return proposed;
    const { rejection, place } = proposed;
    return { ...(await this.#explained(streamOf(commands[place]!), rejection)), command: place };
  }

  async #proposals(commands: readonly Command[]): Promise<readonly Proposal[]> {
    const [only] = commands;
    if (only === undefined || commands.length > 1) return this.#options.owners.decideAll(commands);
    return [await this.#options.owners.decide(streamOf(only), only)];
  }

  async #conclude(
    appended: Exclude<Appended, { type: 'conflict' | 'clash' }>,
    answer: Kept,
    request: Noted,
  ): Promise<Answer> {
    if (appended.type === 'reused') return reused(request.by.commandId ?? '');
    if (appended.type === 'repeated') return this.#again(appended);
    if (appended.events.length > 0) await this.putInForce(happenedOf(appended.events));
    else await this.#options.published(appended.position);
    return { type: 'done', ...answer, position: appended.position };
  }

  /** Adds to a version mismatch the events that won. */
  async #explained(stream: StreamName, rejection: Rejection): Promise<Rejected> {
    if (rejection.type !== 'version_mismatch' || rejection.expected >= rejection.found)
      return { type: 'rejected', rejection };
    const { expected, found, backend } = rejection;
    const won: Recorded[] = [];
    for (let from = expected + 1; from <= found && won.length < MOST_WON; from += MOST_WON) {
      const page = await this.#options.log.readStream(stream, { from, limit: MOST_WON });
      won.push(...page.filter((event) => backend === undefined || isAbout(event, backend)));
    }
    return { type: 'rejected', rejection: { ...rejection, won: won.slice(0, MOST_WON) } };
  }
}

const MOST_WON = 100;

function isAbout({ data }: Recorded, backend: BackendId): boolean {
  return 'id' in data && data.id === backend;
}

/** `note`: kept with the answer. */
type Noted = Request & { readonly note?: Json | undefined };

function byStream(happened: readonly Recorded[]): Map<StreamName, Recorded[]> {
  const streams = new Map<StreamName, Recorded[]>();
  for (const event of happened) {
    const known = streams.get(event.stream);
    if (known === undefined) streams.set(event.stream, [event]);
    else known.push(event);
  }
  return streams;
}
