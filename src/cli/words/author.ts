/** Who is recorded as the author of a change. */
import { quoted } from '../../../eventlog/index.ts';
import { UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import type { Arguments } from './arguments.ts';

/** What the admin API accepts in a header field; the same for a log at rest, because it is the same log. */
export function authorOf(args: Arguments, { user }: Io): string {
  const author = args.text('as') ?? user;
  if (/^[\x20-\x7e]{1,100}$/.test(author)) return author;
  throw new UsageError(`--as: expected 1 to 100 printable ASCII characters, found ${quoted(author)}`);
}
