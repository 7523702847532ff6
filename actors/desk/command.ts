/** What may be asked of the owners, by whom, and what they answer. */
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
  /** 1 to 200 characters; a command asked again under the same id gets its first answer. One is made if absent. */
  readonly commandId?: string;
  /** As they call themselves: a claim, not a proof. */
  readonly author: string;
};

export type Answer =
  | {
      readonly type: 'done';
      /** The one thing asked for did not exist before. */
      readonly created: boolean;
      /** Of the one thing asked for, as its ETag says it; 0 for one that is gone. */
      readonly version: Version;
      /** The log's position at which this was in force. */
      readonly position: Position;
      /** How many owners were changed. */
      readonly changed: number;
    }
  | {
      readonly type: 'rejected';
      readonly rejection: Rejection;
      /** Of several commands: the place of the one that was refused, where it was one. */
      readonly command?: number;
    };

/** Everything that is routed at one position, or what was asked for of it. */
export type Present = {
  readonly position: Position;
  readonly domains: ReadonlyMap<DomainName, NonNullable<DomainState>>;
  readonly pools: ReadonlyMap<PoolName, NonNullable<PoolState>>;
};

/** What a plan is made against: nothing changes while it looks. */
export interface Now {
  readonly position: Position;
  /** Of a million domains, seconds and gigabytes. */
  everything(): Promise<Present>;
  /** Those of them that there are. */
  owners(streams: readonly StreamName[]): Promise<Present>;
}

export type Planned =
  /** `note`: kept with the answer, for whoever has to know of it after a restart. */
  | { readonly type: 'commands'; readonly commands: readonly Command[]; readonly note?: Json }
  | { readonly type: 'rejected'; readonly rejection: Rejection };

/** Many commands that happen together or not at all, chosen when nothing else can happen in between. */
export type Plan = (now: Now) => Planned | Promise<Planned>;

export interface Desk {
  /**
   * One command to one owner. A `done` is durable, and in force for every request whose head is complete after it.
   * Never rejects for a reason of the user's making.
   */
  ask(command: Command, by: By): Promise<Answer>;
  /** Commands to many owners in one step, at most one to each. `digest`: `digestOf` what an id that is used again is compared by. */
  carryOut(plan: Plan, by: By, digest: string): Promise<Answer>;
  /**
   * The same for commands that are planned against nothing: only what touches the same owners has to wait.
   */
  askTogether(commands: readonly Command[], by: By, digest: string): Promise<Answer>;
  /** Nothing changes while it looks, as for a plan; for a dry run. */
  look<T>(work: (now: Now) => Promise<T>): Promise<T>;
  /** Why these would be refused together, were they carried out now, by what no owner knows by itself. */
  refusalOf(commands: readonly Command[]): Promise<Rejection | undefined>;
}

/** A desk whose log others may write to, each in their turn. */
export interface LendingDesk extends Desk {
  /** Nothing is decided and nothing appended until it has ended. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Why it is shut; undefined: it is not. */
  readonly trouble: LogUnavailable | undefined;
  /** Commands are refused from now on, and whoever wants it alone; resolves when none is under way. */
  shut(why: LogUnavailable): Promise<void>;
  /** What others appended meanwhile is put in force; then commands are taken again. Rejects where the log cannot be read yet. */
  reopen(): Promise<void>;
  /**
   * Another thread decides and appends, alone, until it has no more or somebody else wants the log: what it writes is put in force
   * while it goes on. If it fails, whatever it wrote is, and this rejects as it did.
   */
  lend(borrower: Borrower): Promise<void>;
}

/** Another thread, while the log is lent to it. */
export interface Borrower {
  /** What it writes, append by append; nobody else decides or appends until it ends. */
  writes(): AsyncIterable<Happened>;
  /** The next of its appends is in force once this resolves. A rejection: it is in the log, and could not be put in force yet. */
  inForce(settled: Promise<Rejection | undefined>): void;
  /** A command has come to wait for the log, or somebody else has. */
  wanted(by: 'command' | 'other'): void;
}
