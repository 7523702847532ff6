/** A log of any length, for the benches that read one. */
import {
  domainStream,
  type Json,
  type LocalLog,
  parseDomainName,
  parsePoolName,
  type StreamName,
  type SwitchyardEvent,
} from '../eventlog/index.ts';

export const DOMAINS = 1000;
// Together in one transaction: what concurrent commands of a busy admin API come to.
const AT_ONCE = 100;

/** Ownership of one domain after the other goes to and fro between two pools. */
export async function fill(log: LocalLog, events: number): Promise<void> {
  for (let first = 0; first < events; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, events - first);
    await Promise.all(Array.from({ length: count }, (_, index) => append(log, first + index)));
  }
}

async function append(log: LocalLog, index: number): Promise<void> {
  const round = Math.floor(index / DOMAINS);
  const settings = { pool: poolNamed(round % 2 === 0 ? 'even' : 'odd') };
  const type = round === 0 ? 'DomainCreated' : 'DomainChanged';
  const event: SwitchyardEvent = { type, data: { settings } };
  const version = round + 1;
  const appended = await log.append({
    commandId: `bench-${index}`,
    digest: String(index),
    author: 'bench',
    answer: null,
    writes: [
      { stream: streamOf(index), expected: round, events: [event], current: { settings, version } as Json },
    ],
  });
  if (appended.type !== 'appended')
    throw new Error(`expected event ${index} appended, found ${appended.type}`);
}

export function streamOf(index: number): StreamName {
  const host = parseDomainName(`d${index % DOMAINS}.example`);
  if (!host.ok) throw new Error(host.problem);
  return domainStream(host.value);
}

function poolNamed(text: string) {
  const pool = parsePoolName(text);
  if (!pool.ok) throw new Error(pool.problem);
  return pool.value;
}
