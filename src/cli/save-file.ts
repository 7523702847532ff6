/** A file that a command writes: one that was not there before, since what is there is somebody's. */
import { type FileHandle, open } from 'node:fs/promises';
import { CommandFailed } from './failure.ts';

export async function created(file: string): Promise<FileHandle> {
  try {
    // 0600: routing state names internal addresses.
    return await open(file, 'wx', 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'EEXIST' ? 'that it exists already' : message;
    throw new CommandFailed([`${file}: expected to write a new file, found ${found}`]);
  }
}
