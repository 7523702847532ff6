/** Which owner a command goes to, and how a stream's events fold into the state of its owner. */
import {
  type DomainEvent,
  domainStream,
  kindOf,
  type PoolEvent,
  poolStream,
  type StreamName,
  type SwitchyardEvent,
} from '../../eventlog/index.ts';
import type { Command } from '../desk/command.ts';
import { type DomainState, domainDecider } from '../domain/domain.ts';
import { poolDecider } from '../pool/pool.ts';
import type { PoolState } from '../pool/pool-state.ts';
import type { Decision, Recording, Scratch } from './decider.ts';

export type OwnerState = DomainState | PoolState;

export function streamOf(command: Command): StreamName {
  return 'host' in command ? domainStream(command.host) : poolStream(command.pool);
}

/** What an owner in this state would decide. */
export function decideFrom(command: Command, state: unknown): Decision<SwitchyardEvent> {
  return 'host' in command
    ? domainDecider.decide(command, state as DomainState)
    : poolDecider.decide(command, state as PoolState);
}

/** The state of the stream's owner, one event later; `scratch` as in `Decider`. */
export function evolveOwner(
  stream: StreamName,
  state: unknown,
  event: SwitchyardEvent & Recording,
  scratch?: Scratch,
): OwnerState {
  return kindOf(stream) === 'domain'
    ? domainDecider.evolve(state as DomainState, event as DomainEvent & Recording)
    : poolDecider.evolve(state as PoolState, event as PoolEvent & Recording, scratch);
}
