/** The admin API's token, from a file that only its owner should be able to read. */
import { readBytes } from '../../config/index.ts';
import { CommandFailed } from '../failure.ts';
import { accepted } from '../read-input.ts';

const LONGEST = 4096;
// White space around the token, such as the newline that editors add.
const SPACE = 100;

/** The file's text without surrounding white space. */
export async function readToken(file: string): Promise<string> {
  const bytes = accepted(await readBytes(file, LONGEST + SPACE), file);
  const token = bytes.toString('utf8').trim();
  if (token.length <= LONGEST && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new CommandFailed([
    `${file}: expected the admin token, one line of visible ASCII, found ${token === '' ? 'nothing' : 'something else'}`,
  ]);
}
