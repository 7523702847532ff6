/** `state`: all routing, now or at a past moment, in the shape of a config file. */
import { stringify } from 'yaml';
import { state } from '../replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, SCOPE_OPTIONS, scopeOf, type Verb } from '../verb.ts';

export const stateVerb: Verb = {
  name: 'state',
  positionals: [],
  summary: 'prints all pools and domains, as a file that apply takes',
  options: {
    at: { value: 'SEQ|TIME', description: 'as it was at this position, or at this time (RFC 3339)' },
    ...SCOPE_OPTIONS,
    ...READ_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const client = await admin();
  const query = { at: args.text('at'), ...scopeOf(args) };
  const found = await client.ask({ method: 'GET', path: ['v1', 'state'], query }, state);
  if (print.json) {
    await print.value(found);
    return 0;
  }
  const { position, pools, domains, notes = [] } = found;
  await print.line(`# position ${position}`);
  // What passes by itself is no setting, so it stands beside the file and not in it.
  for (const note of notes) await print.line(`# ${JSON.stringify(note)}`);
  await print.text(stringify({ pools, domains }));
  return 0;
}
