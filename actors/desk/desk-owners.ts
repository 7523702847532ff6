/** The owners as the desk needs them: asked for decisions, waited for, rebuilt. */
import type { Recorded, StreamName, SwitchyardEvent, Version } from '../../eventlog/index.ts';
import type { Decision } from '../owner/decider.ts';
import type { Command } from './command.ts';

/** The calls wait through a restart and reject with `OwnerUnavailable`. */
export interface Owners {
  decide(stream: StreamName, command: Command): Promise<Proposal>;
  /** Of different owners, in the order asked. Who is asleep need not be woken for it. */
  decideAll(commands: readonly Command[]): Promise<readonly Proposal[]>;
  /** Whether anything is kept of this owner that a change must reach. */
  isAwake(stream: StreamName): boolean;
  /** Resolves when the owner, if it is awake, and what lies outside it, is as of this version or later. */
  settle(stream: StreamName, version: Version, events: readonly Recorded[]): Promise<void>;
  state(stream: StreamName): Promise<{ readonly state: unknown; readonly version: Version }>;
  /** The log knows better than this owner: it is to be rebuilt. */
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
