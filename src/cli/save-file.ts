/**
 * Writes a new file: it refuses an existing one, and leaves a complete file or none. Until it is complete it has
 * another name in the same directory, which is all that a kill leaves behind.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { CommandFailed } from './failure.ts';

/** `fill` calls `write` with the pieces; if it throws, the file is removed and the error is thrown on. */
export async function saved(
  file: string,
  fill: (write: (piece: Uint8Array) => Promise<void>) => Promise<unknown>,
): Promise<void> {
  if (existsSync(file)) throw refused(file, 'EEXIST');
  const partial = `${file}.${process.pid}.partial`;
  const handle = await created(partial, file);
  try {
    await fill((piece) => wholly(file, () => handle.writeFile(piece)));
    await wholly(file, async () => {
      await handle.sync();
      await handle.close();
      await named(partial, file);
    });
  } finally {
    await handle.close().catch(() => undefined);
    await rm(partial, { force: true });
  }
}

/** Does not replace an existing file, on file systems with hard links. */
async function named(partial: string, file: string): Promise<void> {
  try {
    await link(partial, file);
  } catch {
    if (existsSync(file)) throw refused(file, 'EEXIST');
    await rename(partial, file);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'that it exists already',
  ENOENT: 'no directory to put it in',
  ENOTDIR: 'no directory to put it in',
  EACCES: 'that this user may not',
  EROFS: 'that this file system is read-only',
};

async function created(partial: string, file: string): Promise<FileHandle> {
  try {
    // 0600: routing state contains internal addresses.
    return await open(partial, 'wx', 0o600);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw refused(file, code, message);
  }
}

function refused(file: string, code: string, message = code): CommandFailed {
  const found = Object.hasOwn(REASONS, code) ? REASONS[code] : message;
  return new CommandFailed([`${file}: expected to write a new file, found ${found}`]);
}

/** Reports write errors: some file systems report only at the end that they have no room. */
async function wholly(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    throw new CommandFailed([`${file}: expected to write all of it, found ${(error as Error).message}`]);
  }
}
