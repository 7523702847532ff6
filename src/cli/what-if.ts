/** `replay` with something otherwise: asks for it, shows how far it is, and prints both sides. */
import { z } from 'zod';
import { quoted } from '../../eventlog/index.ts';
import { CommandFailed, UsageError } from './failure.ts';
import { readInput } from './read-input.ts';
import { renderWhatIf, whatIfAnswer } from './render-what-if.ts';
import type { Context, ExitCode } from './verb.ts';

const progress = z.object({ progress: z.object({ pool: z.string(), requests: z.number() }) });
const problem = z.object({ problem: z.object({ type: z.string(), detail: z.string() }) });

export async function whatIf(context: Context): Promise<ExitCode> {
  const { admin, print, io } = context;
  const body = await bodyOf(context);
  const client = await admin();
  const ask = {
    method: 'POST',
    path: ['v1', 'replay'],
    body,
    headers: { accept: 'application/x-ndjson' },
  } as const;
  const meter = io.stderr.isTTY === true && !print.json;
  for await (const text of client.lines(ask, print.stop)) {
    if (text === '') continue;
    const said: unknown = JSON.parse(text);
    const moved = progress.safeParse(said);
    if (moved.success) {
      const { pool, requests } = moved.data.progress;
      if (meter) io.stderr.write(`\rpool ${pool}: ${requests} requests\x1b[K`);
      continue;
    }
    if (meter) io.stderr.write('\r\x1b[K');
    const failed = problem.safeParse(said);
    if (failed.success) throw new CommandFailed([failed.data.problem.detail], failed.data.problem);
    if (print.json) await print.value(said);
    else await print.lines(renderWhatIf(whatIfAnswer.parse(said)));
    return 0;
  }
  throw new CommandFailed(['expected an answer, found none: the router ended, or was told to']);
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
