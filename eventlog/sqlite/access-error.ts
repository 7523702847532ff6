/** Whether this user may do something with a file, without opening it: that would end the locks this process has on it. */
import { accessSync } from 'node:fs';

/** Undefined: the user may. */
export function accessError(path: string, mode: number): NodeJS.ErrnoException | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
