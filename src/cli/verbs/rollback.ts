/** `rollback`: settings become what they were, by new events; what it would do is shown first. */
import type { AdminClient } from '../admin-client.ts';
import { UsageError } from '../failure.ts';
import { rendered } from '../rendered.ts';
import { rolledBack } from '../replies.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, SCOPE_OPTIONS, scopeOf, type Verb } from '../verb.ts';

export const rollbackVerb: Verb = {
  name: 'rollback',
  positionals: [],
  summary: 'makes settings what they were at a position or time, by new events',
  details: [
    'What it shows is what it does: if something changes in between, nothing is done and what changed is told.',
    'Quarantines, ejections and the deadlines of drains are no settings: they pass by themselves and are left alone.',
    'A rollback is undone by a rollback to the position before it.',
  ],
  options: {
    to: { value: 'SEQ|TIME', description: 'as it was at this position, or at this time (RFC 3339)' },
    'dry-run': { description: 'print the difference and change nothing' },
    ...SCOPE_OPTIONS,
    ...CHANGE_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const to = args.text('to');
  if (to === undefined) throw new UsageError('--to: expected SEQ|TIME, found nothing');
  const client = await admin();
  const shown = await ask(client, { to, ...scopeOf(args), dryRun: true });
  if (!print.json) await print.lines(rendered(shown.changes ?? [], print));
  if (args.flag('dry-run')) {
    if (print.json) await print.value(shown);
    if (shown.refused == null) return 0;
    print.note(`switchyard: would be refused: ${shown.refused.detail}`);
    return 1;
  }
  // The position, not the time: both mean the same now, and only one of them for ever.
  const done = await ask(client, { to: shown.to, ...scopeOf(args), seen: shown.position });
  if (print.json) await print.value(done);
  else await print.line(`as at position ${done.to}, in force at position ${done.position}`);
  return 0;
}

function ask(client: AdminClient, body: object) {
  return client.ask({ method: 'POST', path: ['v1', 'rollback'], body }, rolledBack);
}
