/** `node bench/replay.ts [EVENTS]`: how fast events are read from disk and folded, and how fast they are appended. */
import { evolveOwner } from '../actors/index.ts';
import { openSqliteLog, type Recorded, replay, type StreamName } from '../eventlog/index.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { record, wholeArgument } from './figures.ts';
import { DOMAINS, fill } from './filled-log.ts';

const events = wholeArgument(0, 200_000);
type OwnerState = ReturnType<typeof evolveOwner>;

await using directory = await tempDirectory();
const log = openSqliteLog({ directory: directory.path, now: Date.now });

const appendMs = await timed(() => fill(log, events));
const replayMs = await timed(fold);
await log.close();

await record('replay', {
  events,
  'appended events/s': Math.round((events / appendMs) * 1000),
  'replayed events/s': Math.round((events / replayMs) * 1000),
});

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
