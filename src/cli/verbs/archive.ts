/** `archive`: an old prefix of the log goes into a file; the log goes on after it. */
import { resolve } from 'node:path';
import { UsageError } from '../failure.ts';
import { saysWriting, writing } from '../render/writing.ts';
import { askLong } from '../transport/ask-long.ts';
import { archived } from '../transport/replies.ts';
import { ADMIN_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const archiveVerb: Verb = {
  name: 'archive',
  positionals: ['FILE'],
  summary: 'moves the log before a position into a file; what it comes to stays, sealed by a hash',
  details: [
    'FILE is written by the router, beside which it must lie on the same machine; --data opens it.',
    'Of moments before SEQ the log then knows nothing: the file does. Answers to repeated commands stay.',
  ],
  options: {
    before: { value: 'SEQ', description: 'the first position that stays' },
    ...ADMIN_OPTIONS,
    data: { value: 'DIR', description: 'of this data directory, which no router may be using' },
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, print } = context;
  const before = args.count('before', 1);
  if (before === undefined) throw new UsageError('--before: expected SEQ, found nothing');
  const body = { before, file: resolve(args.positionals[0]!) };
  const done = await askLong(context, {
    ask: { method: 'POST', path: ['v1', 'archive'], body },
    answer: archived,
    progress: writing,
    say: saysWriting,
    first: 'reading the log',
  });
  if (print.json) await print.value(done);
  else
    await print.line(
      `positions ${done.from} to ${done.to} are in ${done.file}; the log begins with ${before}`,
    );
  return 0;
}
