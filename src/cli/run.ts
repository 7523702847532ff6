/** Runs one command: finds the verb, reads its words, and turns every end into lines and an exit status. */
import { concluded } from './concluded.ts';
import { UsageError } from './failure.ts';
import type { Io } from './io.ts';
import { Printer } from './render/printer.ts';
import { AdminClient, httpOptions } from './transport/admin-client.ts';
import { HttpTransport } from './transport/http-transport.ts';
import type { Transport } from './transport/transport.ts';
import type { Context, ExitCode, Verb } from './verb.ts';
import { VERBS } from './verbs/index.ts';
import { type Arguments, parseWords } from './words/arguments.ts';
import { authorOf } from './words/author.ts';
import { findVerb } from './words/find-verb.ts';
import { overview, usage } from './words/help.ts';

/** Runs everything but `serve` and `demo`. Never rejects because of a user's mistake. */
export async function runCommand(argv: readonly string[], io: Io): Promise<ExitCode> {
  // With `--json`, even errors in the arguments themselves are printed as JSON.
  const print = new Printer(io, argv.includes('--json'));
  return concluded(() => run(argv, io, print), print);
}

async function run(argv: readonly string[], io: Io, print: Printer): Promise<ExitCode> {
  if (argv[0] === undefined || argv[0] === '--help' || argv[0] === '-h') {
    await print.lines(overview(VERBS));
    // No arguments at all is wrong usage, but is answered with help.
    return argv.length === 0 ? 2 : 0;
  }
  const words = argv[0] === '--version' || argv[0] === '-v' ? ['version', ...argv.slice(1)] : argv;
  const { verb, rest } = findVerb(VERBS, words);
  const args = parsed(verb, rest);
  if (args.flag('help')) {
    await print.lines(usage(verb));
    return 0;
  }
  if (verb.run === undefined) throw new TypeError(`expected main.ts to run ${verb.name}`);
  return runVerb(verb, args, io, print);
}

async function runVerb(verb: Verb, args: Arguments, io: Io, print: Printer): Promise<ExitCode> {
  let opened: AdminClient | undefined;
  const admin = async () => {
    opened ??= new AdminClient(await transportOf(args, io));
    return opened;
  };
  const context: Context = { io, args, print, admin };
  try {
    return await verb.run!(context);
  } finally {
    await opened?.close();
  }
}

async function transportOf(args: Arguments, io: Io): Promise<Transport> {
  const data = args.text('data');
  if (data === undefined) {
    return new HttpTransport(
      await httpOptions(args.text('admin'), args.text('token-file'), authorOf(args, io), io.stop),
    );
  }
  if (args.flag('admin')) throw new UsageError('expected --admin or --data, found both');
  // Only this case needs the admin API's handlers, which take a tenth of a command's start to load.
  const { DataTransport } = await import('./transport/data-transport.ts');
  return new DataTransport(data, Date.now, io.stop);
}

function parsed(verb: Verb, rest: readonly string[]): Arguments {
  try {
    return parseWords(verb, rest);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.message, error.hint ?? `usage: ${usage(verb)[0]}`);
  }
}
