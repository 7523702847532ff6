/** A domain: which pool serves a host. Absent until created, and again once removed. */
import type { DomainEvent, DomainName, SparseDomain, Version } from '../../eventlog/index.ts';
import { sameJson } from '../desk/same-json.ts';
import { type Decider, type Decision, events, type Recording, rejected } from '../owner/decider.ts';

export type DomainState = {
  readonly settings: SparseDomain;
  /** The version of its stream at which it last changed; shown as its ETag. */
  readonly version: Version;
} | null;

export type DomainCommand =
  | {
      readonly type: 'PutDomain';
      readonly host: DomainName;
      readonly settings: SparseDomain;
      readonly ifVersion?: Version;
    }
  | { readonly type: 'RemoveDomain'; readonly host: DomainName; readonly ifVersion?: Version };

export const domainDecider: Decider<DomainState, DomainCommand, DomainEvent> = {
  initialState: null,
  decide,
  evolve,
};

function decide(command: DomainCommand, state: DomainState): Decision<DomainEvent> {
  const found = state?.version ?? 0;
  if (command.ifVersion !== undefined && command.ifVersion !== found) {
    return rejected({
      type: 'version_mismatch',
      detail: `expected version ${command.ifVersion} of domain ${command.host}, found ${found}`,
      expected: command.ifVersion,
      found,
      won: [],
    });
  }
  if (command.type === 'PutDomain') return put(command.settings, state);
  if (state === null) return rejected({ type: 'domain_not_found', detail: `no domain ${command.host}` });
  return events({ type: 'DomainRemoved', data: {} });
}

function put(settings: SparseDomain, state: DomainState): Decision<DomainEvent> {
  if (state === null) return events({ type: 'DomainCreated', data: { settings } });
  if (sameJson(settings, state.settings)) return events();
  return events({ type: 'DomainChanged', data: { settings } });
}

function evolve(_state: DomainState, event: DomainEvent & Recording): DomainState {
  switch (event.type) {
    case 'DomainCreated':
    case 'DomainChanged':
      return { settings: event.data.settings, version: event.version };
    case 'DomainRemoved':
      return null;
  }
}
