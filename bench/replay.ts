/** `node bench/replay.ts [EVENTS]`: how fast events are read from disk and folded, and how fast they are appended. */
import { evolveOwner } from '../actors/index.ts';
import {
  domainStream,
  type Json,
  openSqliteLog,
  parseDomainName,
  parsePoolName,
  type Recorded,
  replay,
  type StreamName,
  type SwitchyardEvent,
} from '../eventlog/index.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { record, wholeArgument } from './figures.ts';

const events = wholeArgument(0, 200_000);
type OwnerState = ReturnType<typeof evolveOwner>;

const DOMAINS = 1000;
// Together in one transaction: what concurrent commands of a busy admin API come to.
const AT_ONCE = 100;

await using directory = await tempDirectory();
const log = openSqliteLog({ directory: directory.path, now: Date.now });

const appendMs = await timed(fill);
const replayMs = await timed(fold);
await log.close();

await record('replay', {
  events,
  'appended events/s': Math.round((events / appendMs) * 1000),
  'replayed events/s': Math.round((events / replayMs) * 1000),
});

/** Ownership of one domain after the other goes to and fro between two pools. */
async function fill(): Promise<void> {
  for (let first = 0; first < events; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, events - first);
    await Promise.all(Array.from({ length: count }, (_, index) => append(first + index)));
  }
}

async function append(index: number): Promise<void> {
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

async function fold(): Promise<void> {
  const states = await replay(log, { initial: new Map<StreamName, OwnerState>(), evolve: intoMap });
  if (states.size !== Math.min(DOMAINS, events)) {
    throw new Error(`expected ${DOMAINS} domains from the fold, found ${states.size}`);
  }
}

function intoMap(states: Map<StreamName, OwnerState>, event: Recorded): Map<StreamName, OwnerState> {
  return states.set(event.stream, evolveOwner(event.stream, states.get(event.stream) ?? null, event));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function streamOf(index: number): StreamName {
  const host = parseDomainName(`d${index % DOMAINS}.example`);
  if (!host.ok) throw new Error(host.problem);
  return domainStream(host.value);
}

function poolNamed(text: string) {
  const pool = parsePoolName(text);
  if (!pool.ok) throw new Error(pool.problem);
  return pool.value;
}
