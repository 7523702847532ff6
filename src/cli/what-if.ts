/** `replay` with something changed: requests it, shows progress, and prints both sides. */
import { z } from 'zod';
import { quoted } from '../../eventlog/index.ts';
import { plural } from '../config/index.ts';
import { CommandFailed, UsageError } from './failure.ts';
import { readInput } from './read-input.ts';
import { renderWhatIf, whatIfAnswer } from './render/render-what-if.ts';
import { askLong } from './transport/ask-long.ts';
import { anything } from './transport/replies.ts';
import type { Context, ExitCode } from './verb.ts';

export async function whatIf(context: Context): Promise<ExitCode> {
  const { print } = context;
  const said = await askLong(context, {
    ask: { method: 'POST', path: ['v1', 'replay'], body: await bodyOf(context) },
    answer: anything,
    progress: z.object({ pool: z.string(), requests: z.number() }),
    say: ({ pool, requests }) => `pool ${pool}: ${plural(requests, 'request')}`,
    first: 'reading the journal',
  });
  if (print.json) await print.value(said);
  else await print.lines(renderWhatIf(whatIfAnswer.parse(said)));
  return 0;
}

async function bodyOf({ args, io }: Context): Promise<object> {
  const without = args.texts('without').map((text) => whole('without', text, /^\d{1,15}$/));
  const file = args.text('with');
  const backends = args.text('backends');
  return {
    from: args.text('from'),
    to: args.text('to'),
    pool: args.text('pool'),
    policy: args.text('policy'),
    without: without.length === 0 ? undefined : without,
    with: file === undefined ? undefined : await poolsOf(file, io),
    backends: backends === undefined ? undefined : whole('backends', backends, /^[+-]\d{1,3}$/),
  };
}

async function poolsOf(file: string, io: Context['io']): Promise<object> {
  const read = await readInput(file, io);
  const pools = typeof read === 'object' && read !== null && 'pools' in read ? read.pools : undefined;
  if (typeof pools === 'object' && pools !== null) return { pools };
  throw new CommandFailed([`${file}: expected pools, found none`]);
}

function whole(option: string, text: string, form: RegExp): number {
  if (form.test(text) && Number(text) !== 0) return Number(text);
  const expected = option === 'backends' ? 'a number such as +3 or -1' : 'a position of the log';
  throw new UsageError(`--${option}: expected ${expected}, found ${quoted(text)}`);
}
