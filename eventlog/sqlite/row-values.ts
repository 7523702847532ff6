/** Events and current rows as the parameters of the statements that write them: one row, or many at once. */
import type { ChainedEvent } from '../events/stored-event.ts';
import type { StoredCurrent } from '../log-reader.ts';
import { stateChecksum } from '../replay/cached-state.ts';
import { poolsNamedBy } from '../settings/pool-of.ts';

export function eventValues(events: readonly ChainedEvent[], from: number, to: number): unknown[] {
  const values: unknown[] = [];
  for (let at = from; at < to; at++) {
    const { position, stream, version, type, schemaVersion, data, metadata, recordedAtMs, checksum, hash } =
      events[at]!;
    values.push(position, stream, version, type, schemaVersion, data, metadata, recordedAtMs, checksum, hash);
  }
  return values;
}

/** Whether these events differ in nothing but their streams and data, at consecutive positions. */
export function areAlike(events: readonly ChainedEvent[], from: number, to: number): boolean {
  const { position, version, type, schemaVersion, metadata, recordedAtMs } = events[from]!;
  for (let at = from + 1; at < to; at++) {
    const event = events[at]!;
    if (event.position !== position + at - from) return false;
    if (event.version !== version || event.type !== type || event.schemaVersion !== schemaVersion)
      return false;
    if (event.metadata !== metadata || event.recordedAtMs !== recordedAtMs) return false;
  }
  return true;
}

/** What each of several alike events has of its own. */
export function ownValues(events: readonly ChainedEvent[], from: number, to: number): unknown[] {
  const values: unknown[] = [];
  for (let at = from; at < to; at++) {
    const { stream, data, checksum, hash } = events[at]!;
    values.push(stream, data, checksum, hash);
  }
  return values;
}

export function isOneVersion(
  rows: readonly StoredCurrent[],
  version: number,
  from: number,
  to: number,
): boolean {
  for (let at = from; at < to; at++) if (rows[at]!.version !== version) return false;
  return true;
}

/** What each of several rows of one version has of its own. */
export function stateValues(rows: readonly StoredCurrent[], from: number, to: number): unknown[] {
  const values: unknown[] = [];
  for (let at = from; at < to; at++) {
    const { stream, version, state } = rows[at]!;
    values.push(
      stream,
      state,
      stateChecksum(stream, version, state),
      poolColumn(poolsNamedBy(stream, state)),
    );
  }
  return values;
}

export function currentValues(rows: readonly StoredCurrent[], from: number, to: number): unknown[] {
  const values: unknown[] = [];
  for (let at = from; at < to; at++) {
    const { stream, version, state } = rows[at]!;
    const pools = poolColumn(poolsNamedBy(stream, state));
    values.push(stream, version, state, stateChecksum(stream, version, state), pools);
  }
  return values;
}

/** A single name as it is; several between blanks, which sort before every name and occur in none. */
export function poolColumn(pools: readonly string[]): string | null {
  if (pools.length > 1) return ` ${pools.join(' ')} `;
  return pools[0] ?? null;
}
