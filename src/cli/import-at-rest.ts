/** An import into a data directory that no router holds: the same chunks, carried out by a desk of our own over the log. */
import { randomUUID } from 'node:crypto';
import { type Command, decideFrom, type Owners, RoutingDesk, streamOf } from '../../actors/index.ts';
import { DataUnusable, type EventLog, openSqliteLog, type StreamName } from '../../eventlog/index.ts';
import { type ChunkResult, cutLines, importChunks } from '../import/index.ts';
import { CommandFailed } from './failure.ts';

// Nobody else waits for the log: as many as one chunk may have.
const CHUNK = 1000;

export async function* importAtRest(
  directory: string,
  source: AsyncIterable<Uint8Array>,
  { from, author }: { readonly from: number; readonly author: string },
): AsyncGenerator<ChunkResult> {
  const log = opened(directory);
  try {
    const desk = new RoutingDesk({
      log,
      owners: asleepOver(log),
      published: async () => {},
      newCommandId: randomUUID,
    });
    const into = { desk, by: { author }, ownAddresses: () => ({ listeners: [], local: [] }) };
    yield* importChunks(cutLines(source, CHUNK, { from }), into);
  } finally {
    await log.close();
  }
}

function opened(directory: string) {
  try {
    return openSqliteLog({ directory, now: Date.now });
  } catch (error) {
    if (error instanceof DataUnusable) throw new CommandFailed([error.message]);
    throw error;
  }
}

/** Nobody is awake: each is its row in the log. */
function asleepOver(log: EventLog): Owners {
  const decideAll = async (commands: readonly Command[]) => {
    const states = await log.statesOf(commands.map(streamOf));
    return commands.map((command, index) => {
      const { state, version } = states[index]!;
      return { decision: decideFrom(command, state), state, version };
    });
  };
  const state = async (stream: StreamName) => (await log.statesOf([stream]))[0]!;
  return {
    decide: async (_stream, command) => (await decideAll([command]))[0]!,
    decideAll,
    settle: async () => {},
    state,
    rebuild: () => {},
  };
}
