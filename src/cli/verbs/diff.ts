/** `diff`: what settings differ between two moments of the past. */
import { checkMoment } from '../arguments.ts';
import { rendered } from '../rendered.ts';
import { difference } from '../replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, SCOPE_OPTIONS, scopeOf, type Verb } from '../verb.ts';

export const diffVerb: Verb = {
  name: 'diff',
  positionals: ['FROM', '[TO]'],
  summary: 'prints what settings differ between two positions or times (RFC 3339); TO is now unless given',
  details: [
    'Quarantines and the deadlines of drains pass by themselves and are no settings: state shows them.',
  ],
  options: { ...SCOPE_OPTIONS, ...READ_OPTIONS },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const [from, to] = args.positionals;
  if (from !== undefined) checkMoment('FROM', from);
  if (to !== undefined) checkMoment('TO', to);
  const client = await admin();
  const query = { from, to, ...scopeOf(args) };
  const found = await client.ask({ method: 'GET', path: ['v1', 'diff'], query }, difference);
  if (print.json) await print.value(found);
  else {
    await print.line(`# position ${found.from} to ${found.to}`);
    await print.lines(rendered(found.changes, print));
  }
  return 0;
}
