/** What the log says, folded by the simplest code there is: independent of the product's own. */
import type { AdminClient } from './admin-client.ts';

export type HistoryEvent = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: {
    readonly id?: string;
    readonly settings?: { readonly pool?: string };
    readonly backend?: object;
  };
  readonly metadata: { readonly commandId: string; readonly author: string };
};

export type Folded = {
  readonly pools: Readonly<Record<string, { readonly backends: Readonly<Record<string, object>> }>>;
  readonly domains: Readonly<Record<string, object>>;
};

export async function eventsOf(admin: AdminClient): Promise<readonly HistoryEvent[]> {
  const { body } = await admin.must<string>('GET', '/v1/events');
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line): HistoryEvent => JSON.parse(line));
}

/** What passes by itself, or was only said: no setting is another after it. */
const PASSING: ReadonlySet<string> = new Set([
  'BackendDrainStarted',
  'BackendDrained',
  'BackendQuarantined',
  'BackendHealthChanged',
  'CapacityWanted',
]);

export function foldNaively(events: readonly HistoryEvent[]): Folded {
  const domains: Record<string, object> = {};
  const pools: Record<string, { settings: object; backends: Record<string, object> }> = {};
  for (const { stream, type, data } of events) {
    const name = stream.slice(stream.indexOf('-') + 1);
    const pool = pools[name];
    if (type === 'DomainCreated' || type === 'DomainChanged') domains[name] = data.settings ?? {};
    else if (type === 'DomainRemoved') delete domains[name];
    else if (type === 'PoolCreated') pools[name] = { settings: data.settings ?? {}, backends: {} };
    else if (type === 'PoolChanged' && pool !== undefined) pool.settings = data.settings ?? {};
    else if (type === 'PoolRemoved') delete pools[name];
    else if ((type === 'BackendAdded' || type === 'BackendChanged') && pool !== undefined)
      pool.backends[data.id ?? ''] = data.backend ?? {};
    else if (type === 'BackendRemoved' && pool !== undefined) delete pool.backends[data.id ?? ''];
    else if (!PASSING.has(type))
      throw new Error(`expected an event type with a meaning, found ${type} on ${stream}`);
  }
  const flat = Object.entries(pools).map(([name, { settings, backends }]) => [
    name,
    { ...settings, backends },
  ]);
  return { domains, pools: Object.fromEntries(flat) };
}

/** State as the router tells it, in the same shape. */
export async function stateOf(admin: AdminClient): Promise<Folded> {
  const { pools, domains } = (await admin.must<Folded>('GET', '/v1/state')).body;
  return { pools, domains };
}
