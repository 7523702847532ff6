/** Which events there are, and the kind of stream that each belongs in. */
import type { EventType, SwitchyardEvent } from './events.ts';

/** The kind of stream that each event belongs in. */
export const OWNER_OF = {
  DomainCreated: 'domain',
  DomainChanged: 'domain',
  DomainRemoved: 'domain',
  PoolCreated: 'pool',
  PoolChanged: 'pool',
  PoolRemoved: 'pool',
  BackendAdded: 'pool',
  BackendChanged: 'pool',
  BackendRemoved: 'pool',
  BackendDrainStarted: 'pool',
  BackendDrained: 'pool',
  CapacityWanted: 'pool',
  BackendQuarantined: 'pool',
  BackendHealthChanged: 'pool',
  BackendStarted: 'pool',
} as const satisfies { readonly [type in SwitchyardEvent['type']]: 'domain' | 'pool' };

export const EVENT_TYPES = Object.keys(OWNER_OF) as readonly EventType[];

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(OWNER_OF, type);
}
