/** `import`: many pools and domains from a file of lines, a chunk at a time; it can be resumed where it stopped. */
import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { parsedJson, plural, unreadableAs } from '../../config/index.ts';
import type { ChunkResult } from '../../import/index.ts';
import { CommandFailed, UsageError } from '../failure.ts';
import { nameOf } from '../read-input.ts';
import { Meter } from '../render/meter.ts';
import { furtherProblems } from '../render/problems.ts';
import { clean } from '../render/table.ts';
import { importAtRest } from '../transport/import-at-rest.ts';
import { blocksOf } from '../transport/import-blocks.ts';
import { type Imported, imported } from '../transport/replies.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';
import { authorOf } from '../words/author.ts';

export const importVerb: Verb = {
  name: 'import',
  positionals: ['FILE.ndjson'],
  summary: 'loads pools and domains in bulk, one per line, in atomic chunks',
  details: [
    'A line is {"pool": NAME, …} with the keys of a pool, or {"domain": HOST, …} with those of a domain. A later line of the',
    'same name wins; what the file does not name is left alone. A pool must come before the domains that name it, or in the',
    'same chunk. The first refused line ends the import: earlier chunks are in force, and --from continues there.',
  ],
  options: {
    from: { value: 'LINE', description: 'start at this line (1)' },
    data: { value: 'DIR', description: 'load into this data directory, which no router may be using' },
    ...CHANGE_OPTIONS,
  },
  run,
};

type Progress = { lines: number; changed: number; position: number; next: number };

async function run(context: Context): Promise<ExitCode> {
  const { args, print } = context;
  const from = args.count('from', 1) ?? 1;
  const file = args.positionals[0]!;
  const source = reading(file, context);
  const meter = new Meter(context);
  const startedAtMs = performance.now();
  const progress: Progress = { lines: 0, changed: 0, position: 0, next: from };
  try {
    for await (const result of resultsOf(source, from, context)) {
      if (result.detail !== undefined) throw refusedAt(file, result);
      progress.lines += result.to - result.from + 1;
      progress.changed += result.changed ?? 0;
      progress.position = result.position ?? 0;
      progress.next = result.to + 1;
      if (print.json) await print.line(JSON.stringify(result));
      meter.show(() => `line ${progress.next - 1}, ${rateOf(progress, startedAtMs)} a second`);
    }
  } catch (error) {
    meter.clear();
    if (error instanceof CommandFailed) throw advised(placed(error, file), progress, from);
    throw error;
  }
  meter.clear();
  if (print.stop.aborted) throw advised(new CommandFailed(['interrupted']), progress, from);
  if (!print.json) await print.line(summary(progress));
  return 0;
}

function resultsOf(
  source: AsyncIterable<Uint8Array>,
  from: number,
  context: Context,
): AsyncIterable<Imported> {
  const { args, io } = context;
  const data = args.text('data');
  if (data === undefined) return overHttp(source, from, context);
  if (args.flag('admin')) throw new UsageError('expected --admin or --data, found both');
  return atRest(importAtRest(data, source, { from, author: authorOf(args, io) }));
}

async function* atRest(results: AsyncIterable<ChunkResult>): AsyncGenerator<Imported> {
  for await (const result of results) {
    if (result.type === 'failed') yield { from: result.from, to: result.to, ...result.failure };
    else yield result;
  }
}

/** One request per block, so that none takes long, and a lost connection loses at most one. */
async function* overHttp(
  source: AsyncIterable<Uint8Array>,
  from: number,
  context: Context,
): AsyncGenerator<Imported> {
  const client = await context.admin();
  const { stop } = context.print;
  for await (const { first, bytes } of blocksOf(source, from)) {
    if (stop.aborted) return;
    const ask = { method: 'POST' as const, path: ['v1', 'import'], query: { first }, bytes };
    for await (const line of client.lines(ask, stop)) if (line !== '') yield parsed(line);
  }
}

function parsed(line: string): Imported {
  const result = imported.safeParse(parsedJson(line));
  if (result.success) return result.data;
  throw new CommandFailed(["expected the result of a chunk from switchyard's admin API, found another line"]);
}

/** The program that writes the file may be slower than the user's patience. */
async function* reading(file: string, { io, print: { stop } }: Context): AsyncGenerator<Uint8Array> {
  const source = file === '-' ? (io.stdin as Readable) : createReadStream(file, { highWaterMark: 262_144 });
  try {
    yield* addAbortSignal(stop, source) as AsyncIterable<Uint8Array>;
  } catch (error) {
    // Not treated as its end: an incomplete last line is not a line.
    if (stop.aborted) throw new CommandFailed(['interrupted']);
    throw new CommandFailed([`${nameOf(file)}: expected a readable file, found ${unreadableAs(error)}`]);
  }
}

/** Prefixes line numbers with the file's name. The refusal of the first chunk is the whole answer, and told like any other. */
function placed(error: CommandFailed, file: string): CommandFailed {
  const refused = imported.safeParse(error.json);
  if (refused.success && refused.data.detail !== undefined) return refusedAt(file, refused.data);
  const [first = '', ...more] = error.lines;
  if (!first.startsWith('line ')) return error;
  return new CommandFailed([`${nameOf(file)}: ${first}`, ...more], error.json);
}

function refusedAt(file: string, result: Imported): CommandFailed {
  const { from, to, detail, problems = [] } = result;
  const more = furtherProblems(problems);
  const chunk = from === to ? '' : `nothing of lines ${from} to ${to} was carried out`;
  return new CommandFailed(
    [`${nameOf(file)}: ${detail}`, ...more, chunk].filter((line) => line !== '').map(clean),
    result,
  );
}

/** Says where to continue: what is in force stays so, and importing it again would change nothing. */
function advised(error: CommandFailed, { lines, next }: Progress, from: number): CommandFailed {
  if (lines === 0) return error;
  const advice = `lines ${from} to ${next - 1} are in force; go on with --from ${next}`;
  return new CommandFailed([...error.lines, advice], error.json);
}

function summary({ lines, changed, position }: Progress): string {
  if (lines === 0) return 'no lines';
  return `${plural(lines, 'line')}, ${plural(changed, 'change')}, in force at position ${position}`;
}

/** Lines per second since then. */
function rateOf({ lines }: Progress, sinceMs: number): number {
  return Math.round((lines / Math.max(1, performance.now() - sinceMs)) * 1000);
}
