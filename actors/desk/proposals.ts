/** Folds the owners' proposals: which states they lead to, and what the answer says. */
import type { Json, StreamName, SwitchyardEvent, Version, Write } from '../../eventlog/index.ts';
import type { DomainState } from '../domain/domain.ts';
import { evolveOwner, streamOf } from '../owner/owned.ts';
import type { PoolState } from '../pool/pool-state.ts';
import type { Command } from './command.ts';
import type { Proposal } from './desk-owners.ts';
import type { Rejection } from './rejection.ts';

/** What an answer says; it is kept for when the command is repeated. */
export type Kept = { readonly created: boolean; readonly version: Version; readonly changed: number };

export type Proposed = {
  readonly type: 'proposed';
  readonly writes: readonly Write[];
  readonly answer: Kept;
  readonly versions: Readonly<Record<string, Version>>;
};

/** The first rejection, with the place of its command. */
export type Unwilling = { readonly type: 'rejected'; readonly rejection: Rejection; readonly place: number };

/** What these commands come to together, given the proposals of their owners. */
export function proposedBy(
  commands: readonly Command[],
  proposals: readonly Proposal[],
): Proposed | Unwilling {
  const writes: Write[] = [];
  const versions: Record<string, Version> = {};
  let answer: Kept = { created: false, version: 0, changed: 0 };
  // By index: pairs would be half a kilobyte of garbage for each line of an import.
  for (let place = 0; place < commands.length; place++) {
    const command = commands[place]!;
    const proposal = proposals[place]!;
    const { decision } = proposal;
    if (decision.type === 'rejected') return { ...decision, place };
    const stream = streamOf(command);
    const { state, version } = fold(stream, proposal, decision.events);
    if (decision.events.length > 0 || commands.length === 1) {
      writes.push({ stream, expected: proposal.version, events: decision.events, current: state as Json });
      // A domain has nothing outside its owner: if the owner is behind, that shows when it is asked next.
      if (commands.length === 1 || 'pool' in command) versions[stream] = version;
    }
    answer = {
      created: commands.length === 1 && isCreation(decision.events),
      version: commands.length === 1 ? shownVersion(command, state) : 0,
      changed: answer.changed + (decision.events.length > 0 ? 1 : 0),
    };
  }
  return { type: 'proposed', writes, answer, versions };
}

function fold(stream: StreamName, from: Proposal, happened: readonly SwitchyardEvent[]) {
  let { state, version } = from;
  const scratch = new WeakSet();
  for (const event of happened) {
    version += 1;
    state = evolveOwner(stream, state, { ...event, version }, scratch);
  }
  return { state, version };
}

function isCreation(happened: readonly SwitchyardEvent[]): boolean {
  const type = happened[0]?.type;
  return type === 'DomainCreated' || type === 'PoolCreated' || type === 'BackendAdded';
}

function shownVersion(command: Command, state: unknown): Version {
  if ('host' in command) return (state as DomainState)?.version ?? 0;
  const pool = state as PoolState;
  if (!('id' in command)) return pool?.version ?? 0;
  return pool !== null && Object.hasOwn(pool.backends, command.id)
    ? (pool.backends[command.id]?.version ?? 0)
    : 0;
}
