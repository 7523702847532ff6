/**
 * An import into a data directory that no router holds: the same chunks, carried out by a handler that has the log to
 * itself.
 */
import { asleepOver, type By, type Command, CommandHandler, newCommandId } from '../../../actors/index.ts';
import { DataUnusable, type LocalLog, LogUnavailable, openSqliteLog } from '../../../eventlog/index.ts';
import { type ChunkResult, importerOver } from '../../import/index.ts';
import { CommandFailed } from '../failure.ts';

// Nobody else waits for the log, so chunks are as large as they may be.
const CHUNK = 1000;

export async function* importAtRest(
  directory: string,
  source: AsyncIterable<Uint8Array>,
  { from, author }: { readonly from: number; readonly author: string },
): AsyncGenerator<ChunkResult> {
  let log: LocalLog | undefined;
  let handler: CommandHandler | undefined;
  const desk = {
    askTogether: (commands: readonly Command[], by: By, digest: string) => {
      // Opened with the first chunk, so that no directory is made for a file that cannot be read.
      log ??= opened(directory);
      handler ??= handlerOver(log);
      return handler.together(commands, { by, digest });
    },
  };
  try {
    const importer = importerOver(desk, () => ({ listeners: [], local: [] }));
    yield* importer.import(source, { size: CHUNK, from, by: { author } });
  } finally {
    await log?.close();
  }
}

function handlerOver(log: LocalLog): CommandHandler {
  return new CommandHandler({ log, owners: asleepOver(log), published: async () => {}, newCommandId });
}

function opened(directory: string): LocalLog {
  try {
    return openSqliteLog({ directory, now: Date.now });
  } catch (error) {
    if (!(error instanceof DataUnusable || error instanceof LogUnavailable)) throw error;
    throw new CommandFailed([error.message]);
  }
}
