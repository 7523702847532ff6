/** What a load balancer sends before anything else on a connection, if the listener expects it: its PROXY header. */
import type { PlaneCounters } from '../../telemetry/plane-counters.ts';
import { readProxyHeader } from '../../wire/index.ts';
import type { Origin } from './origin.ts';

export const PREFACE = { unfinished: -1, refused: -2 } as const;

/** The offset behind it, or one of PREFACE. Refused: no valid header, or too many connections from the client's address. */
export function readPreface(
  origin: Origin,
  counters: PlaneCounters,
  buffer: Buffer,
  from: number,
  end: number,
): number {
  const header = readProxyHeader(buffer, from, end);
  if (header.type === 'incomplete') return PREFACE.unfinished;
  if (header.type === 'refused') {
    counters.malformed++;
    return PREFACE.refused;
  }
  if (origin.named(header)) return header.end;
  counters.refusedConnections++;
  return PREFACE.refused;
}
