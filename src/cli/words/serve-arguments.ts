/** The words after `serve` and `demo`, checked as far as they can be without starting anything. */
import { quoted } from '../../../eventlog/index.ts';
import { nearest, type Overrides, parseHostPort } from '../../config/index.ts';
import { UsageError } from '../failure.ts';
import { readToken } from '../transport/token.ts';
import type { Verb } from '../verb.ts';
import { demoVerb, LOG_LEVELS, type LogLevel, serveVerb } from '../verbs/serve.ts';
import { type Arguments, parseWords } from './arguments.ts';
import { usage } from './help.ts';

export type ServeArguments = {
  readonly verb: 'serve' | 'demo';
  readonly config: string | undefined;
  readonly apply: boolean;
  readonly takeOver: boolean;
  readonly data: string | undefined;
  /** Undefined: as in the config file. */
  readonly listen: readonly string[] | undefined;
  readonly admin: string | undefined;
  readonly tokenFile: string | undefined;
  readonly workers: number | undefined;
  readonly chaos: boolean;
  readonly json: boolean;
  readonly logLevel: LogLevel;
};

/** Undefined: usage was asked for. `argv` begins with the verb. Throws `UsageError`. */
export function parseServeArguments(argv: readonly string[]): ServeArguments | undefined {
  const verb = verbOf(argv);
  try {
    const args = parseWords(verb, argv.slice(1));
    return args.flag('help') ? undefined : checked(args, argv[0] === 'demo' ? 'demo' : 'serve');
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.message, error.hint ?? `usage: ${usage(verb)[0]}`);
  }
}

export function serveUsage(argv: readonly string[]): string[] {
  return usage(verbOf(argv));
}

function verbOf(argv: readonly string[]): Verb {
  return argv[0] === 'demo' ? demoVerb : serveVerb;
}

/** The flags that override the file. Rejects with `CommandFailed` if the token file cannot be read. */
export async function overridesOf(wish: ServeArguments): Promise<Overrides> {
  const adminToken = wish.tokenFile === undefined ? undefined : await readToken(wish.tokenFile);
  return { listen: wish.listen, admin: wish.admin, adminToken, data: wish.data, json: wish.json };
}

// 120: more cores than one port is worth; the ledger supports 255 threads, and a worker takes two while it is replaced.
export const MOST_WORKERS = 120;

function checked(args: Arguments, verb: ServeArguments['verb']): ServeArguments {
  const config = args.text('config');
  if (args.flag('apply') && config === undefined) {
    throw new UsageError('--apply: expected a --config FILE to apply, found none');
  }
  const listen = args.texts('listen').map((text) => address('--listen', text));
  const admin = args.text('admin');
  return {
    verb,
    config,
    apply: args.flag('apply'),
    takeOver: args.flag('take-over'),
    data: args.text('data'),
    listen: listen.length === 0 ? undefined : listen,
    admin: admin === undefined ? undefined : address('--admin', admin),
    tokenFile: args.text('token-file'),
    workers: args.count('workers', 0, MOST_WORKERS),
    chaos: args.flag('chaos'),
    json: args.flag('json'),
    logLevel: logLevel(args.text('log-level')),
  };
}

function address(flag: string, text: string): string {
  if (parseHostPort(text) !== undefined) return text;
  throw new UsageError(`${flag}: expected host:port or [v6]:port, found ${quoted(text)}`);
}

function logLevel(text = 'info'): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  const meant = nearest(text, LOG_LEVELS);
  throw new UsageError(
    `--log-level: expected one of ${LOG_LEVELS.join(', ')}, found ${quoted(text)}`,
    meant === undefined ? undefined : `did you mean ${meant}?`,
  );
}
