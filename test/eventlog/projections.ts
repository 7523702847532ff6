/** How owners fold in these tests: everything that was last said of them, none once removed. */
import type { Json, OwnerProjection, ProjectionOf, Recorded } from '../../eventlog/index.ts';

type State = { readonly [key: string]: Json } | null;

export const everything: OwnerProjection = {
  initial: null,
  evolve: (state, event) => evolve(state as State, event),
};

export const projectionOf: ProjectionOf = () => everything;

function evolve(state: State, event: Recorded): State {
  const { version } = event;
  switch (event.type) {
    case 'DomainCreated':
    case 'DomainChanged':
    case 'PoolCreated':
    case 'PoolChanged':
      return { ...state, settings: event.data.settings as Json, version };
    case 'CapacityWanted':
      return state;
    case 'DomainRemoved':
    case 'PoolRemoved':
      return null;
    case 'BackendAdded':
    case 'BackendChanged':
      return { ...state, [event.data.id]: { ...event.data.backend, version } as Json };
    case 'BackendRemoved':
    case 'BackendDrainStarted':
    case 'BackendDrained':
    case 'BackendQuarantined':
    case 'BackendHealthChanged':
    case 'BackendStarted':
      return { ...state, [event.data.id]: event.type };
  }
}
