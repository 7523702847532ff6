/** The owners as the desk needs them: asked for decisions, waited for, rebuilt. */
import type { Recorded, StreamName, SwitchyardEvent, Version } from '../../eventlog/index.ts';
import type { Decision } from '../owner/decider.ts';
import type { Command } from './command.ts';

/** Calls wait while an owner is restarted, and reject with `OwnerUnavailable`. */
export interface Owners {
  decide(stream: StreamName, command: Command): Promise<Proposal>;
  /** Proposals of different owners, in the order of the commands. Owners that are asleep need not be woken. */
  decideAll(commands: readonly Command[]): Promise<readonly Proposal[]>;
  /** Whether anything is kept of this owner that a change has to reach. */
  isAwake(stream: StreamName): boolean;
  /** Resolves when the owner, if it is awake, and what is kept outside it are at this version or a later one. */
  bringUpTo(stream: StreamName, version: Version, events: readonly Recorded[]): Promise<void>;
  state(stream: StreamName): Promise<{ readonly state: unknown; readonly version: Version }>;
  /** The owner is behind the log and must be rebuilt. */
  rebuild(stream: StreamName): void;
}

export type Proposal = {
  readonly decision: Decision<SwitchyardEvent>;
  readonly state: unknown;
  readonly version: Version;
};

export class OwnerUnavailable extends Error {
  override readonly name = 'OwnerUnavailable';
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}
