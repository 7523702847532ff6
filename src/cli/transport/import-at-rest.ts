/** An import into a data directory that no router holds: the same chunks, by a handler that has the log for itself. */
import { asleepOver, type By, type Command, CommandHandler, newCommandId } from '../../../actors/index.ts';
import { DataUnusable, LogUnavailable, openSqliteLog } from '../../../eventlog/index.ts';
import { type ChunkResult, importerOver } from '../../import/index.ts';
import { CommandFailed } from '../failure.ts';

// Nobody else waits for the log: as many as one chunk may have.
const CHUNK = 1000;

export async function* importAtRest(
  directory: string,
  source: AsyncIterable<Uint8Array>,
  { from, author }: { readonly from: number; readonly author: string },
): AsyncGenerator<ChunkResult> {
  const log = opened(directory);
  try {
    const handler = new CommandHandler({
      log,
      owners: asleepOver(log),
      published: async () => {},
      newCommandId,
    });
    const desk = {
      askTogether: (commands: readonly Command[], by: By, digest: string) =>
        handler.together(commands, { by, digest }),
    };
    const importer = importerOver(desk, () => ({ listeners: [], local: [] }));
    yield* importer.import(source, { size: CHUNK, from, by: { author } });
  } finally {
    await log.close();
  }
}

function opened(directory: string) {
  try {
    return openSqliteLog({ directory, now: Date.now });
  } catch (error) {
    if (!(error instanceof DataUnusable || error instanceof LogUnavailable)) throw error;
    throw new CommandFailed([error.message]);
  }
}
