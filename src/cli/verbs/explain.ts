/** `explain`: why a recorded request went where it went. */
import { UsageError } from '../failure.ts';
import { renderStory, story } from '../render-story.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

export const explainVerb: Verb = {
  name: 'explain',
  positionals: ['[REQUEST_ID]'],
  summary: 'tells why a request went where it went',
  options: READ_OPTIONS,
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, admin, print } = context;
  const [id] = args.positionals;
  if (id === undefined) throw new UsageError('expected REQUEST_ID, found nothing');
  const client = await admin();
  const found = await client.ask({ method: 'GET', path: ['v1', 'requests', id] }, story);
  if (print.json) await print.value(found);
  else await print.lines(renderStory(found));
  return 0;
}
