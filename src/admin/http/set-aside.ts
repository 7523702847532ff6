/** An answer that is stored before it is sent, so that a slow reader does not hold what it took to produce it. */
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeTemporaryDirectory, temporaryDirectoryUnwritable } from '../../../eventlog/index.ts';
import type { Reply } from './reply.ts';

type Headers = Readonly<Record<string, string>>;

/**
 * A single piece is kept in memory; more are written to a file in TMPDIR. Rejects with `DataUnusable` if there is no
 * room for it.
 */
export async function setAside(
  first: string,
  others: AsyncGenerator<string, undefined>,
  headers: Headers,
): Promise<Reply> {
  const second = await others.next();
  if (second.done === true) return { type: 'text', status: 200, headers, text: first };
  const directory = makeTemporaryDirectory();
  const path = join(directory.path, 'answer');
  try {
    await pipeline(all([first, second.value], others), createWriteStream(path));
  } catch (error) {
    directory.remove();
    const { message, syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : temporaryDirectoryUnwritable(message, error);
  }
  return fileSent(path, headers, directory.remove);
}

async function* all(begun: readonly string[], others: AsyncIterable<string>): AsyncGenerator<string> {
  yield* begun;
  yield* others;
}

/** `remove`: called when nobody reads the file any more. */
export function fileSent(path: string, headers: Headers, remove: () => void): Reply {
  return {
    type: 'stream',
    status: 200,
    headers,
    pour: async (outlet) => {
      try {
        for await (const bytes of createReadStream(path)) if (!(await outlet.write(bytes as Buffer))) return;
      } finally {
        remove();
      }
    },
  };
}
