/** What owners propose, folded: the state it leads to, and what the answer says of it. */
import type { StreamName, SwitchyardEvent, Version } from '../eventlog/index.ts';
import type { Command } from './command.ts';
import type { Proposal } from './desk-owners.ts';
import type { DomainState } from './domain/domain.ts';
import { evolveOwner } from './owned.ts';
import type { PoolState } from './pool/pool.ts';

export function fold(stream: StreamName, from: Proposal, happened: readonly SwitchyardEvent[]) {
  let { state, version } = from;
  for (const event of happened) {
    version += 1;
    state = evolveOwner(stream, state, { ...event, version });
  }
  return { state, version };
}

export function isCreation(happened: readonly SwitchyardEvent[]): boolean {
  const type = happened[0]?.type;
  return type === 'DomainCreated' || type === 'PoolCreated' || type === 'BackendAdded';
}

export function shownVersion(command: Command, state: unknown): Version {
  if ('host' in command) return (state as DomainState)?.version ?? 0;
  const pool = state as PoolState;
  if (!('id' in command)) return pool?.version ?? 0;
  return pool !== null && Object.hasOwn(pool.backends, command.id)
    ? (pool.backends[command.id]?.version ?? 0)
    : 0;
}
