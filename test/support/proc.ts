import { readFileSync } from 'node:fs';

/** A file under /proc, none once its process or thread has ended. Other failures are thrown. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // proc(5): of one that ended before it was opened, and between that and the reading.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
