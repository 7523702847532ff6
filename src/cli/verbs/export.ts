/** `export`: a part of the log, and what the journal knows of that time, as one file that --data opens. */
import { resolve } from 'node:path';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

export const exportVerb: Verb = {
  name: 'export',
  positionals: ['FILE'],
  summary: 'writes a part of the log, with its journal, to one file that --data opens elsewhere',
  details: [
    'What came before the part is in it as a base; events keep their positions and hashes, so that verify holds of it.',
    'It names hosts, backends and paths, as the log and the journal do: look before you share it.',
  ],
  options: {
    from: { value: 'SEQ|TIME', description: 'first position, or time (the beginning)' },
    to: { value: 'SEQ|TIME', description: 'last position, or time (the end)' },
    ...READ_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const file = resolve(args.positionals[0]!);
  const client = await admin();
  const body = { from: args.text('from'), to: args.text('to') };
  await client.save({ method: 'POST', path: ['v1', 'export'], body: JSON.parse(JSON.stringify(body)) }, file);
  if (print.json) await print.value({ file });
  else await print.line(`${file} is written; look into it with --data ${file}`);
  return 0;
}
