/** `archive`: moves an old prefix of the log into a file; the log continues after it. */
import { resolve } from 'node:path';
import { UsageError } from '../failure.ts';
import { saysWriting, writing } from '../render/writing.ts';
import { askLong } from '../transport/ask-long.ts';
import { archived } from '../transport/replies.ts';
import { ADMIN_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const archiveVerb: Verb = {
  name: 'archive',
  positionals: ['FILE'],
  summary: 'moves events before a position out of the log into a file',
  details: [
    'The router writes FILE on its own machine. --data FILE reads it. The log keeps the state at SEQ, sealed by a hash, and',
    'the answers to repeated commands; questions about moments before SEQ need FILE.',
  ],
  options: {
    before: { value: 'SEQ', description: 'first position that stays in the log' },
    ...ADMIN_OPTIONS,
    data: { value: 'DIR', description: 'archive this data directory, which no router may be using' },
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
