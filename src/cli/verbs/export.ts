/** `export`: a part of the log, and the journal of that time, as one file that --data opens. */
import { resolve } from 'node:path';
import { saysWriting, writing } from '../render/writing.ts';
import { saved } from '../save-file.ts';
import { askLong } from '../transport/ask-long.ts';
import { exported } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

export const exportVerb: Verb = {
  name: 'export',
  positionals: ['FILE'],
  summary: 'writes log and journal, or a part of them, to one file for --data',
  details: [
    'The state before the part is included; events keep their positions and hashes, so verify works on the file.',
    'The file contains host names, backend addresses and paths: check before you share it.',
  ],
  options: {
    from: { value: 'SEQ|TIME', description: 'first position, or time (the beginning)' },
    to: { value: 'SEQ|TIME', description: 'last position, or time (the end)' },
    ...READ_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, print } = context;
  const file = resolve(args.positionals[0]!);
  const body = JSON.parse(JSON.stringify({ from: args.text('from'), to: args.text('to') }));
  await saved(file, (take) =>
    askLong(context, {
      ask: { method: 'POST', path: ['v1', 'export'], body },
      answer: exported,
      progress: writing,
      say: saysWriting,
      first: 'reading the log',
      take,
    }),
  );
  if (print.json) await print.value({ file });
  else await print.line(`wrote ${file}; read it with --data ${file}`);
  return 0;
}
