/** `bisect`: finds the change after which a condition no longer held, by halving a log of any length. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { parsePoolName } from '../../../eventlog/index.ts';
import { pieces, type StateEntry, stateJson } from '../../history/index.ts';
import { CommandFailed, UsageError } from '../failure.ts';
import { checkWhole, entriesOf } from '../transport/entries.ts';
import { state, stateEntry } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';
import { holds, type Look, type Predicate, parsePredicate } from '../words/predicate.ts';
import { parseBackend } from '../words/thing.ts';
import { renderedEvent } from './events.ts';

export const bisectVerb: Verb = {
  name: 'bisect',
  positionals: ['[-- COMMAND…]'],
  summary: 'finds the change that broke something, by a question or by a command of yours',
  details: [
    'The question or the command judges a state: good at --good, bad at --bad.',
    'COMMAND reads the state as JSON from standard input. Exit 0: good; 1 to 127: bad; anything else ends the search.',
    '',
    '  switchyard bisect --good 120 --bad 480 --exists domain:shop.example',
    '  switchyard bisect --good 120 --bad 480 --host shop.example --routed-to web/web.2',
    "  switchyard bisect --good 120 --bad 480 -- jq -e '.pools.web.backends | length > 2'",
  ],
  options: {
    good: { value: 'SEQ|TIME', description: 'a moment when it was good' },
    bad: { value: 'SEQ|TIME', description: 'a later moment when it was bad' },
    exists: {
      value: 'KIND:NAME',
      description: 'good if this exists: domain:HOST, pool:NAME or backend:POOL/ID',
    },
    host: { value: 'HOST', description: 'good if requests for HOST have a backend' },
    'routed-to': {
      value: 'POOL[/ID]',
      parse: (text) => (text.includes('/') ? parseBackend(text) : parsePoolName(text)),
      description: 'with --host: good if that backend is in this pool, or is this one',
    },
    ...READ_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, print } = context;
  const [good, bad] = [args.text('good'), args.text('bad')];
  if (good === undefined || bad === undefined)
    throw new UsageError(`--${good === undefined ? 'good' : 'bad'}: expected SEQ|TIME, found nothing`);
  const judge = judgeOf(context);
  const isGood = async (at: number | string) => {
    const judged = await judge(at);
    if (!print.json) print.note(`position ${judged.position}: ${judged.verdict ? 'good' : 'bad'}`);
    return judged;
  };
  const low = await isGood(good);
  const high = await isGood(bad);
  if (!low.verdict)
    throw new CommandFailed([`--good: expected it to be good at position ${low.position}, found it bad`]);
  if (high.verdict)
    throw new CommandFailed([`--bad: expected it to be bad at position ${high.position}, found it good`]);
  if (low.position > high.position)
    throw new UsageError(
      `expected --good before --bad, found position ${low.position} after ${high.position}`,
    );
  const culprit = await firstBad(
    context,
    low.position,
    high.position,
    async (at) => (await isGood(at)).verdict,
  );
  return told(culprit, context);
}

/** A command happens as a whole: a state in the middle of one was never in force and is never judged. */
async function firstBad(
  context: Context,
  good: number,
  bad: number,
  isGood: (at: number) => Promise<boolean>,
): Promise<Span> {
  let low = good;
  let culprit = await commandAt(context, bad);
  while (culprit.first - 1 > low) {
    const middle = await commandAt(context, Math.floor((low + culprit.last) / 2));
    // The middle may lie within the culprit itself; then the state before it remains to be judged.
    const at = middle.last < culprit.last ? middle : await commandAt(context, culprit.first - 1);
    if (await isGood(at.last)) low = at.last;
    else culprit = at;
  }
  return culprit;
}

type Span = { readonly first: number; readonly last: number };

async function commandAt(context: Context, position: number): Promise<Span> {
  const last = await edge(context, { from: position });
  const first = await edge(context, { to: position, reverse: true });
  return { first, last };
}

/** The last position, in the order asked for, that belongs to the command of the first event. */
async function edge(
  { admin, io }: Context,
  query: Readonly<Record<string, number | boolean>>,
): Promise<number> {
  const client = await admin();
  let found: { readonly position: number; readonly commandId: string } | undefined;
  for await (const line of client.lines({ method: 'GET', path: ['v1', 'events'], query }, io.stop)) {
    if (line === '') continue;
    const { position, metadata } = placed.parse(JSON.parse(line));
    // A damaged event does not tell its command, so it counts as one of its own.
    const commandId = metadata?.commandId ?? line;
    if (found !== undefined && commandId !== found.commandId) break;
    found = { position, commandId };
  }
  checkWhole(io);
  return found?.position ?? 0;
}

/** An event, or what replaces it. */
const placed = z.looseObject({
  position: z.int(),
  metadata: z.looseObject({ commandId: z.string().optional() }).optional(),
});

type Judge = (at: number | string) => Promise<{ readonly position: number; readonly verdict: boolean }>;

function judgeOf(context: Context): Judge {
  const { args } = context;
  const predicate = parsePredicate(args.text('exists'), args.text('host'), args.text('routed-to'));
  const command = args.positionals;
  if (predicate !== undefined && command.length > 0)
    throw new UsageError('expected a question or a command, found both');
  if (predicate !== undefined) return (at) => judgedByLooks(predicate, at, context);
  if (command.length === 0)
    throw new UsageError('expected --exists, --host or a command after --, found none of them');
  return (at) => judgedBy(command, at, context);
}

async function judgedByLooks(predicate: Predicate, at: number | string, { admin }: Context) {
  const client = await admin();
  let position: number | undefined;
  const look = async (kind: 'domain' | 'pool', name: string) => {
    // A time becomes a fixed position, even if more is recorded meanwhile.
    const query = { at: position ?? at, [kind]: name };
    const found = await client.ask({ method: 'GET', path: ['v1', 'state'], query }, state);
    position = found.position;
    const owners = (kind === 'domain' ? found.domains : found.pools) as Readonly<Record<string, object>>;
    return Object.hasOwn(owners, name) ? owners[name] : undefined;
  };
  const verdict = await holds(predicate, look as Look);
  return { position: position!, verdict };
}

/** Like git bisect: 0 is good, 1 to 127 bad. */
async function judgedBy([program = '', ...args]: readonly string[], at: number | string, context: Context) {
  const { stop } = context.io;
  const query = { method: 'GET', path: ['v1', 'state'], query: { at } } as const;
  const entries = entriesOf(context, query, stateEntry);
  const first = await entries.next();
  if (first.done === true || !('position' in first.value))
    throw new CommandFailed(['expected a state, found none']);
  const position = Number(first.value['position']);
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'], signal: stop });
  const closed = once(child, 'close').catch((error: Error) => {
    if (stop.aborted) throw new CommandFailed(['interrupted']);
    throw new CommandFailed([`${program}: expected a command that runs, found ${error.message}`]);
  });
  const [[code]] = await Promise.all([
    closed,
    given(child.stdin, pieces(stateJson(withFirst(first.value, entries)))),
  ]);
  if (typeof code === 'number' && code <= 127) return { position, verdict: code === 0 };
  throw new CommandFailed([`${program}: expected exit status 0 to 127, found ${code ?? 'a signal'}`]);
}

const ENDED = new Set<string | undefined>([
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
]);

/** A program that has seen enough closes its input, and one that failed to start has none. */
async function given(input: Writable, text: AsyncGenerator<string>): Promise<void> {
  try {
    await pipeline(text, input);
  } catch (error) {
    if (!ENDED.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}

async function* withFirst(first: object, rest: AsyncIterable<object>): AsyncGenerator<StateEntry> {
  yield first as StateEntry;
  yield* rest as AsyncIterable<StateEntry>;
}

async function told({ first, last }: Span, { admin, io, print }: Context): Promise<ExitCode> {
  const query = { from: first, to: last };
  if (print.json) {
    await print.value({ first, last });
    return 0;
  }
  const client = await admin();
  await print.line(`good until position ${first - 1}, bad from this change on:`);
  for await (const line of client.lines({ method: 'GET', path: ['v1', 'events'], query }, print.stop)) {
    if (line !== '') await print.line(renderedEvent(line));
  }
  checkWhole(io);
  await print.line(`undo it with: switchyard rollback --change ${first}`);
  return 0;
}
