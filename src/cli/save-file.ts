/** A file that a command writes: one that was not there before, since what is there is somebody's; whole, or not at all. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { CommandFailed } from './failure.ts';

/** `fill` writes with what it is given; what it throws is thrown on, once the file is gone. */
export async function saved(
  file: string,
  fill: (write: (piece: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const handle = await created(file);
  try {
    await fill((piece) => written(handle, piece, file));
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => undefined);
    // Half of it would look like the whole, and keep the next attempt from its name.
    await rm(file, { force: true });
    throw error;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'that it exists already',
  ENOENT: 'no directory to put it in',
  ENOTDIR: 'no directory to put it in',
  EACCES: 'that this user may not',
  EROFS: 'that this file system is read-only',
};

async function created(file: string): Promise<FileHandle> {
  try {
    // 0600: routing state names internal addresses.
    return await open(file, 'wx', 0o600);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const found = Object.hasOwn(REASONS, code) ? REASONS[code] : message;
    throw new CommandFailed([`${file}: expected to write a new file, found ${found}`]);
  }
}

async function written(handle: FileHandle, piece: Uint8Array, file: string): Promise<void> {
  try {
    await handle.writeFile(piece);
  } catch (error) {
    throw new CommandFailed([`${file}: expected to write all of it, found ${(error as Error).message}`]);
  }
}
