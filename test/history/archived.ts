/** Archives a log that this process has open, as the router does. */
import { basename, dirname, join } from 'node:path';
import type { LocalLog } from '../../eventlog/index.ts';
import { answerOf, archiveLog, LocalHistory, sourcesOf } from '../../src/history/index.ts';

/** Resolves to the file, which lies beside the data directory. */
export async function archiveBefore(log: LocalLog, directory: string, before: number): Promise<string> {
  const file = join(dirname(directory), `${basename(directory)}-before-${before}.db`);
  const past = sourcesOf(directory, Date.now);
  try {
    await answerOf(
      archiveLog({ history: new LocalHistory(past), directory, log: () => log }, { before, file }),
    );
  } finally {
    past.close();
  }
  return file;
}
