/** `domain set`, `pool set`, `backend set`: some settings changed and the rest kept, or all of them from a file. */

import { CommandFailed, UsageError } from '../failure.ts';
import { nameOf, readInput } from '../read-input.ts';
import type { AdminClient } from '../transport/admin-client.ts';
import { type Receipt, receipt, type Settings, settings } from '../transport/replies.ts';
import type { Answered } from '../transport/transport.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';
import type { Arguments } from '../words/arguments.ts';
import { keyTable } from '../words/key-table.ts';
import { type Pair, parseKey, parsePairs, without, withPair } from '../words/setting-pairs.ts';
import { KINDS, type Kind, type Noun, type Thing, thingOf } from '../words/thing.ts';

// Three: enough when people and machines change the same thing in the same second.
const ATTEMPTS = 3;

const EXAMPLES = {
  domain: 'switchyard domain set example.com pool=web',
  pool: 'switchyard pool set web policy=random queue.maxWaiting=10',
  backend: 'switchyard backend set web web.1 address=127.0.0.1:9001 maxConcurrency=50',
} as const satisfies Record<Noun, string>;

export const setVerbs: readonly Verb[] = (['domain', 'pool', 'backend'] as const).map(setVerb);

function setVerb(noun: Noun): Verb {
  const kind = KINDS[noun];
  return {
    name: `${noun} set`,
    positionals: [...kind.positionals, '[KEY=VALUE]…'],
    summary: `creates a ${noun}, or changes the given settings and keeps the rest`,
    details: [`  ${EXAMPLES[noun]}`, '', ...keyTable(kind.schema)],
    options: {
      file: {
        value: 'FILE',
        description: 'all settings, as JSON or YAML (-: standard input); KEY=VALUE pairs win over it',
      },
      default: { value: 'KEY', multiple: true, description: 'reset this key to its default' },
      'if-version': { value: 'N', description: 'only if its version is N; 0: only if it does not exist' },
      ...CHANGE_OPTIONS,
    },
    run: (context) => run(kind, context),
  };
}

type Wish = {
  /** From a file: all settings. Undefined: the present settings are changed. */
  readonly whole: Settings | undefined;
  readonly pairs: readonly Pair[];
  readonly defaults: readonly (readonly string[])[];
  readonly ifVersion: number | undefined;
};

async function run(kind: Kind, context: Context): Promise<ExitCode> {
  const { args, admin, print } = context;
  const thing = thingOf(kind, args.positionals);
  const wish = await wishOf(kind, context);
  const client = await admin();
  const answered =
    wish.whole === undefined ? await change(client, thing, wish) : await replace(client, thing, wish);
  const facts = client.parsed(answered, receipt);
  const created = answered.status === 201;
  if (print.json) await print.value({ ...facts, created });
  else await print.line(told(thing, facts, created));
  return 0;
}

async function wishOf(kind: Kind, { args, io }: Context): Promise<Wish> {
  const pairs = parsePairs(args.positionals.slice(kind.positionals.length), kind.schema);
  const defaults = args.texts('default').map((key) => parseKey(key, kind.schema));
  const file = args.text('file');
  const whole = file === undefined ? undefined : asSettings(await readInput(file, io), file);
  // A pool is complete without any settings; a domain or a backend never is.
  if (whole === undefined && pairs.length + defaults.length === 0 && kind.noun !== 'pool') {
    throw new UsageError(
      `expected KEY=VALUE or --file FILE, found neither`,
      `for example: ${EXAMPLES[kind.noun]}`,
    );
  }
  return { whole, pairs, defaults, ifVersion: versionOf(args) };
}

function asSettings(value: unknown, file: string): Settings {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Settings;
  throw new CommandFailed([`${nameOf(file)}: expected an object of settings, found another value`]);
}

export function versionOf(args: Arguments): number | undefined {
  return args.count('if-version');
}

function replace(client: AdminClient, thing: Thing, wish: Wish): Promise<Answered> {
  return put(client, thing, built({}, wish), conditionOf(wish.ifVersion));
}

/** Reads, changes, and writes if nobody else wrote in between; otherwise tries again with the newer settings. */
async function change(client: AdminClient, thing: Thing, wish: Wish): Promise<Answered> {
  for (let attempt = 1; ; attempt++) {
    const present = await client.answer({ method: 'GET', path: thing.path });
    const missing = present.status === 404;
    const ground = missing ? {} : client.parsed(present, settings);
    const condition = wish.ifVersion === undefined ? unchanged(present) : conditionOf(wish.ifVersion);
    const answered = await put(client, thing, built(ground, wish), condition);
    const raced = answered.status === 412 && wish.ifVersion === undefined && attempt < ATTEMPTS;
    if (!raced) return answered;
  }
}

function put(
  client: AdminClient,
  { path }: Thing,
  body: Settings,
  headers: Record<string, string>,
): Promise<Answered> {
  return client.answer({ method: 'PUT', path, body, headers });
}

function built(ground: Settings, { whole, pairs, defaults }: Wish): Settings {
  // The backends of a pool have versions of their own; putting back those read here would remove one added meanwhile.
  const { backends: _theirs, ...own } = ground;
  return pairs.reduce(withPair, defaults.reduce(without, whole ?? own));
}

function unchanged({ status, etag }: Answered): Record<string, string> {
  if (status === 404) return { 'if-none-match': '*' };
  return etag === undefined ? {} : { 'if-match': etag };
}

export function conditionOf(version: number | undefined): Record<string, string> {
  if (version === undefined) return {};
  return version === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` };
}

function told({ label }: Thing, { version, position, changed }: Receipt, created: boolean): string {
  const done = created ? 'created' : changed === 0 ? 'unchanged' : 'changed';
  return `${label} ${done}: version ${version}, in force at position ${position}`;
}
