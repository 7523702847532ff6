/** `explain`: why a recorded request went where it went, or where one would go. */
import { fieldOf } from '../../../actors/index.ts';
import { parseBackendId, quoted } from '../../../eventlog/index.ts';
import { UsageError } from '../failure.ts';
import { askedStory, renderAsked } from '../render/render-asked.ts';
import { renderStory, story } from '../render/render-story.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

export const explainVerb: Verb = {
  name: 'explain',
  positionals: ['[REQUEST_ID]'],
  summary: 'explains why a request went where it went',
  details: [
    'A recorded request:              explain REQUEST_ID',
    'A request that is not sent:      explain --host HOST --path PATH, now or at a past moment',
  ],
  options: {
    host: { value: 'HOST', description: 'explain a request to this host, without sending it' },
    path: { value: 'PATH', description: 'its path (/)' },
    method: { value: 'METHOD', description: 'its method (GET)' },
    header: { value: 'NAME:VALUE', multiple: true, description: 'a header of it; may be repeated' },
    at: { value: 'SEQ|TIME', description: 'as of this position or time' },
    'why-not': {
      value: 'BACKEND',
      parse: parseBackendId,
      description: 'say why it would not go to this backend',
    },
    ...READ_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, admin, print } = context;
  const [id] = args.positionals;
  if (id === undefined) return asked(context);
  if (args.flag('host')) throw new UsageError('expected REQUEST_ID or --host, found both');
  const client = await admin();
  const found = await client.ask({ method: 'GET', path: ['v1', 'requests', id] }, story);
  if (print.json) await print.value(found);
  else await print.lines(renderStory(found));
  return 0;
}

async function asked({ args, admin, print }: Context): Promise<ExitCode> {
  const host = args.text('host');
  if (host === undefined) throw new UsageError('expected REQUEST_ID or --host HOST, found neither');
  const body = {
    host,
    path: args.text('path'),
    method: args.text('method'),
    headers: headersOf(args.texts('header')),
    at: args.text('at'),
    whyNot: args.text('why-not'),
  };
  const client = await admin();
  const found = await client.ask({ method: 'POST', path: ['v1', 'explain'], body }, askedStory);
  if (print.json) await print.value(found);
  else await print.lines(renderAsked(found));
  return 0;
}

/** Each name once, with the values of all its fields joined. */
function headersOf(texts: readonly string[]): object {
  const fields = texts.map(field);
  return Object.fromEntries(fields.map(([name]) => [name, fieldOf(fields.flat(), name)]));
}

function field(text: string): [name: string, value: string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new UsageError(`--header: expected NAME:VALUE, found ${quoted(text)}`);
  return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
}
