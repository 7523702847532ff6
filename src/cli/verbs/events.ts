/** `events`: recorded events, from the first or any position, and new ones as they come. */
import { z } from 'zod';
import { EVENT_TYPES, parseStreamName, renderTime } from '../../../eventlog/index.ts';
import { parsedJson } from '../../config/index.ts';
import { UsageError } from '../failure.ts';
import { archivedNote, READ_THE_ARCHIVE } from '../render/archived-note.ts';
import { Meter } from '../render/meter.ts';
import { clean } from '../render/table.ts';
import { checkWhole } from '../transport/entries.ts';
import { archivedEvents, event, unreadable } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';
import { parseBackend } from '../words/thing.ts';

export const eventsVerb: Verb = {
  name: 'events',
  positionals: [],
  summary: 'prints recorded events',
  details: [
    'Archived events are not in the log any more: --data FILE reads the archive.',
    'The last event that took backend web.2 of pool web out of service:',
    '  switchyard events --last 1 --backend web/web.2 --made unavailable',
  ],
  options: {
    from: { value: 'SEQ', description: 'first position, inclusive (1)' },
    to: { value: 'SEQ', description: 'last position, inclusive' },
    limit: { value: 'N', description: 'at most N events' },
    since: { value: 'SEQ|TIME', description: 'from this position or time (RFC 3339) on' },
    until: { value: 'SEQ|TIME', description: 'up to this position or time' },
    stream: { value: 'NAME', description: 'only events of this stream: domain-HOST or pool-NAME' },
    grep: {
      value: 'PATTERN',
      description: 'only events whose JSON matches this RE2 pattern, ignoring case',
    },
    type: {
      value: 'TYPE',
      among: EVENT_TYPES,
      description: 'only events of this type, such as BackendRemoved',
    },
    author: { value: 'NAME', description: 'only changes by this author' },
    backend: { value: 'POOL/ID', parse: parseBackend, description: 'the backend for --made' },
    made: {
      value: 'STATE',
      among: ['available', 'unavailable'],
      description: 'only events that made the backend available, or unavailable',
    },
    reverse: { description: 'newest first' },
    last: { value: 'N', description: 'the newest N matching events, newest first' },
    follow: { description: 'keep printing new events as they are recorded' },
    ...READ_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, admin, print, io } = context;
  const follow = args.flag('follow');
  if (follow && args.flag('data')) {
    throw new UsageError('--follow: expected a running router, found --data', 'leave one of them out');
  }
  if (args.flag('backend') !== args.flag('made'))
    throw new UsageError('expected --backend and --made together, found one of them');
  if (args.flag('backend') && args.flag('stream'))
    throw new UsageError('expected --stream or --backend, found both');
  const last = args.count('last', 1);
  if (last !== undefined && args.flag('limit'))
    throw new UsageError('expected --last or --limit, found both');
  const reverse = args.flag('reverse') || last !== undefined;
  const query = {
    from: args.count('from', 1),
    to: args.count('to', 1),
    limit: last ?? args.count('limit', 1),
    since: args.text('since'),
    until: args.text('until'),
    grep: args.text('grep'),
    type: args.text('type'),
    author: args.text('author'),
    backend: args.text('backend'),
    made: args.text('made'),
    reverse: reverse || undefined,
    stream: streamOf(args.text('stream')),
    follow: follow || undefined,
  };
  const client = await admin();
  const { stop } = print;
  const meter = new Meter(context);
  let found = 0;
  let archived = 0;
  const onArchived = (upTo: number) => {
    archived = upTo;
    if (!reverse) print.note(archivedNote(upTo));
  };
  // A filtered search may take long; plain reading returns at once.
  const { grep, type, author, made } = query;
  const isLong = [grep, type, author, made].some((each) => each !== undefined);
  const progress = (isLong && meter.isShown) || undefined;
  const ask = { method: 'GET', path: ['v1', 'events'], query: { ...query, progress }, onArchived } as const;
  for await (const line of client.lines(ask, stop)) {
    if (line === '') continue;
    const looked = progress && positionIn(line);
    if (looked !== undefined) {
      meter.show(() => `looked at position ${looked}, found ${found}`);
      continue;
    }
    found += 1;
    meter.clear();
    await print.line(print.json ? line : renderedEvent(line));
  }
  meter.clear();
  if (!follow) checkWhole(io);
  // Backwards the archive would come last, so the note is omitted if enough was found before it.
  if (reverse && archived > 0 && found < (query.limit ?? Number.POSITIVE_INFINITY))
    print.note(archivedNote(archived));
  if (found === 0 && !follow && !print.json) print.note('no event matches');
  return 0;
}

const looking = z.object({ progress: z.object({ position: z.int() }) });

/** The position of a progress line; undefined: the line is an event. */
function positionIn(line: string): number | undefined {
  if (!line.startsWith('{"progress"')) return undefined;
  const told = looking.safeParse(parsedJson(line));
  return told.success ? told.data.progress.position : undefined;
}

function streamOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const parsed = parseStreamName(text);
  if (parsed.ok) return parsed.value.stream;
  throw new UsageError(`--stream: ${parsed.problem}`);
}

/**
 * `12  2026-01-31T14:03:00.000Z  pool-web/3  BackendAdded  {"id":"web.1"}  by alice`; otherwise the line as it came.
 */
export function renderedEvent(line: string): string {
  const json = parsedJson(line);
  const parsed = event.safeParse(json);
  if (!parsed.success) {
    const gone = archivedEvents.safeParse(json);
    if (gone.success)
      return `${gone.data.from} to ${gone.data.position}  archived meanwhile; ${READ_THE_ARCHIVE}`;
    const bad = unreadable.safeParse(json);
    return clean(bad.success ? `${bad.data.position}  unreadable: ${bad.data.problem}` : line);
  }
  const { position, recordedAtMs, stream, version, type, data, metadata } = parsed.data;
  const at = renderTime(recordedAtMs);
  const what = data === undefined || Object.keys(data).length === 0 ? '' : `  ${JSON.stringify(data)}`;
  return clean(`${position}  ${at}  ${stream}/${version}  ${type}${what}  by ${metadata.author}`);
}
