/** The admin API's token, from a file that only its owner should be able to read. */
import { readFile } from 'node:fs/promises';
import { CommandFailed } from './failure.ts';

/** The file's text without the newline that editors add. */
export async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const found = error.code === 'ENOENT' ? 'no such file' : error.message;
    throw new CommandFailed([`${file}: expected a readable token file, found ${found}`]);
  });
  const token = text.trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new CommandFailed([`${file}: expected one line of visible ASCII, found something else`]);
}
