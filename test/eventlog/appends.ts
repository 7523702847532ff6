/** Appends and events for tests: each says only what its test is about. */
import {
  type Append,
  type BackendId,
  type DomainName,
  domainStream,
  type Json,
  type PoolName,
  poolStream,
  type StreamName,
  type SwitchyardEvent,
  type Write,
} from '../../eventlog/index.ts';

export const WEB: StreamName = poolStream('web' as PoolName);
export const EXAMPLE: StreamName = domainStream('example.com' as DomainName);

let made = 0;

export function append(writes: readonly Write[], parts: Partial<Append> = {}): Append {
  made += 1;
  const commandId = `command-${made}`;
  return {
    commandId,
    digest: `digest of ${commandId}`,
    author: 'tester',
    answer: { made },
    writes,
    ...parts,
  };
}

export function write(
  stream: StreamName,
  expected: number,
  events: readonly SwitchyardEvent[],
  current: Json = { version: expected + events.length },
): Write {
  return { stream, expected, events, current };
}

/** A domain's state as its owner would keep it. */
export function domainState(pool: string, version: number): Json {
  return { settings: { pool }, version };
}

export function domainOf(host: string): StreamName {
  return domainStream(host as DomainName);
}

export function poolOf(name: string): StreamName {
  return poolStream(name as PoolName);
}

export function poolCreated(maxConcurrency?: number): SwitchyardEvent {
  return { type: 'PoolCreated', data: { settings: maxConcurrency === undefined ? {} : { maxConcurrency } } };
}

export function domainCreated(pool = 'web'): SwitchyardEvent {
  return { type: 'DomainCreated', data: { settings: { pool: pool as PoolName } } };
}

export function domainChanged(pool: string): SwitchyardEvent {
  return { type: 'DomainChanged', data: { settings: { pool: pool as PoolName } } };
}

export function domainRemoved(): SwitchyardEvent {
  return { type: 'DomainRemoved', data: {} };
}

export function backendAdded(id: string, address = '127.0.0.1:9001'): SwitchyardEvent {
  return { type: 'BackendAdded', data: { id: id as BackendId, backend: { address } } };
}
