/** What can be asked of the owners, by whom, and what they answer. */
import type {
  DomainName,
  Happened,
  Json,
  LogUnavailable,
  PoolName,
  Position,
  StreamName,
  Version,
} from '../../eventlog/index.ts';
import type { DomainCommand, DomainState } from '../domain/domain.ts';
import type { PoolCommand } from '../pool/pool.ts';
import type { PoolState } from '../pool/pool-state.ts';
import type { Rejection } from './rejection.ts';

export type Command = DomainCommand | PoolCommand;

export type By = {
  /** 1 to 200 characters. A command that is repeated under the same id gets its first answer. If absent, an id is made. */
  readonly commandId?: string;
  /** As given by the client: a claim, not a proof. */
  readonly author: string;
};

export type Answer =
  | {
      readonly type: 'done';
      /** Of a single command: what it puts did not exist before. */
      readonly created: boolean;
      /** Of a single command: the version shown as the ETag; 0 if it was removed. */
      readonly version: Version;
      /** The position of the log at which this was in force. */
      readonly position: Position;
      /** How many owners were changed. */
      readonly changed: number;
    }
  | {
      readonly type: 'rejected';
      readonly rejection: Rejection;
      /** Of several commands: the place of the one that was refused, if it was one. */
      readonly command?: number;
    };

/** The whole routing at one position, or the part that was asked for. */
export type Present = {
  readonly position: Position;
  readonly domains: ReadonlyMap<DomainName, NonNullable<DomainState>>;
  readonly pools: ReadonlyMap<PoolName, NonNullable<PoolState>>;
};

/** What a plan is made against: nothing changes while the plan is made. */
export interface Now {
  readonly position: Position;
  /** Takes seconds and gigabytes with a million domains. */
  everything(): Promise<Present>;
  /** Those of these owners that exist. */
  owners(streams: readonly StreamName[]): Promise<Present>;
}

export type Planned =
  /** `note`: kept with the answer, for what must be known of it after a restart. */
  | { readonly type: 'commands'; readonly commands: readonly Command[]; readonly note?: Json }
  | { readonly type: 'rejected'; readonly rejection: Rejection };

/** Chooses commands that happen all or not at all, while nothing else can happen. */
export type Plan = (now: Now) => Planned | Promise<Planned>;

export interface Desk {
  /**
   * One command to one owner. A `done` is durable, and in force for every request whose head is complete after it.
   * Never rejects for a reason of the user's making.
   */
  ask(command: Command, by: By): Promise<Answer>;
  /**
   * Commands to many owners in one step, at most one to each. `digest`: made by `digestOf`, to recognise a command that is
   * repeated.
   */
  carryOut(plan: Plan, by: By, digest: string): Promise<Answer>;
  /** Like `carryOut`, for commands that need no plan: only commands to the same owners have to wait. */
  askTogether(commands: readonly Command[], by: By, digest: string): Promise<Answer>;
  /** Nothing changes while `work` runs, as with a plan; for a dry run. */
  look<T>(work: (now: Now) => Promise<T>): Promise<T>;
  /** Why these commands would be refused together if carried out now; only checks what no owner can know by itself. */
  refusalOf(commands: readonly Command[]): Promise<Rejection | undefined>;
}

/** A desk that lends its log to others, who write to it in turn. */
export interface LendingDesk extends Desk {
  /** Runs `work` while nothing else is decided or appended. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Why the desk is shut; undefined: it is open. */
  readonly trouble: LogUnavailable | undefined;
  /** From now on refuses commands and `alone`; resolves when none is under way. */
  shut(why: LogUnavailable): Promise<void>;
  /** Puts in force what others appended meanwhile, then takes commands again. Rejects if the log cannot be read yet. */
  reopen(): Promise<void>;
  /**
   * Lets another thread decide and append, alone, until it has nothing more or somebody else wants the log. What it writes
   * is put in force as it goes on. If the borrower fails, what it wrote is still put in force, and this rejects with its
   * error.
   */
  lend(borrower: Borrower): Promise<void>;
}

/** Another thread to which the log is lent. */
export interface Borrower {
  /** Its appends, one by one; nobody else decides or appends until they end. */
  writes(): AsyncIterable<Happened>;
  /**
   * The next of its appends is in force when this resolves. With a rejection: it is in the log, but could not be put in
   * force yet.
   */
  inForce(settled: Promise<Rejection | undefined>): void;
  /** A command, or somebody else, now waits for the log. */
  wanted(by: 'command' | 'other'): void;
}
