/** Reads a file up to a limit: a device or a pipe does not tell its size beforehand. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Checked } from './problem.ts';

export function readBytes(file: string, most: number): Promise<Checked<Buffer>> {
  return opened<Buffer>(file, most, async (handle) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of handle.createReadStream({ autoClose: false })) {
      bytes += (piece as Buffer).length;
      if (bytes > most) return tooLarge(most, 'more');
      pieces.push(piece as Buffer);
    }
    return { ok: true, value: Buffer.concat(pieces) };
  });
}

/** Whether the file can be read and is within the limit, for files that are then read by name. */
export function checkFile(file: string, most: number): Promise<Checked<undefined>> {
  return opened(file, most, async () => ({ ok: true, value: undefined }));
}

async function opened<T>(
  file: string,
  most: number,
  use: (handle: FileHandle) => Promise<Checked<T>>,
): Promise<Checked<T>> {
  try {
    await using handle = await open(file);
    const found = await handle.stat();
    if (found.isDirectory()) return unreadable(REASONS.EISDIR);
    return found.size > most ? tooLarge(most, `${found.size} bytes`) : await use(handle);
  } catch (error) {
    return unreadable(unreadableAs(error));
  }
}

const REASONS = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'a file that may not be read',
  EPERM: 'a file that may not be read',
  EISDIR: 'a directory',
  ELOOP: 'links that lead in a circle',
  ENAMETOOLONG: 'a name that is too long',
} as const;

/** Describes why a file could not be read. */
export function unreadableAs(error: unknown): string {
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  return Object.hasOwn(REASONS, code) ? REASONS[code as keyof typeof REASONS] : message;
}

function unreadable(found: string): Checked<never> {
  return refused('a readable file', found);
}

function tooLarge(most: number, found: string): Checked<never> {
  return refused(`a file of at most ${most} bytes`, found);
}

function refused(expected: string, found: string): Checked<never> {
  return { ok: false, problems: [{ path: '', expected, found }] };
}
