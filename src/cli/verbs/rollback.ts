/** `rollback`: settings become what they were, by new events; what it would do is shown first. */
import { z } from 'zod';
import { MAX_ALLOWANCE, plural } from '../../config/index.ts';
import { UsageError } from '../failure.ts';
import { Meter } from '../render/meter.ts';
import { rendered } from '../render/rendered.ts';
import type { AdminClient } from '../transport/admin-client.ts';
import { askLong } from '../transport/ask-long.ts';
import { drainedLines, type RolledBack, rolledBack } from '../transport/replies.ts';
import { type Ask, PATIENT } from '../transport/transport.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, SCOPE_OPTIONS, scopeOf, type Verb } from '../verb.ts';
import type { Arguments } from '../words/arguments.ts';

export const rollbackVerb: Verb = {
  name: 'rollback',
  positionals: [],
  summary: 'restores the settings of a past moment, or undoes one change; no history is lost',
  details: [
    'It does exactly what it shows: if something changes in between, it does nothing and says what changed.',
    'Quarantines, ejections and drain deadlines expire by themselves and are left alone.',
    'To undo a rollback, roll back to the position before it.',
    'Removing more domains, or more backends, than 10 or a tenth of those present, whichever is greater, needs',
    '--allow-removals N.',
    '--change undoes one change only: later changes stay, and what had to be left for them is listed.',
  ],
  options: {
    to: { value: 'SEQ|TIME', description: 'as it was at this position, or at this time (RFC 3339)' },
    change: { value: 'SEQ', description: 'undo only the change that this position belongs to' },
    'dry-run': { description: 'print the difference and change nothing' },
    'allow-removals': {
      value: 'N',
      description: 'allow removing up to N domains and N backends',
    },
    wait: { description: 'wait until removed backends have drained' },
    ...SCOPE_OPTIONS,
    ...CHANGE_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, admin, print } = context;
  const what = wishOf(args);
  const client = await admin();
  const shown = await lookedAt(context, what);
  if (!print.json) await print.lines(rendered(shown.changes ?? [], print));
  if (!print.json && shown.more !== undefined) print.note(`and ${plural(shown.more, 'more change')}`);
  if (!print.json) for (const line of shown.left ?? []) print.note(`stays: ${line}`);
  if (args.flag('dry-run')) {
    if (print.json) await print.value(shown);
    if (shown.refused == null) return 0;
    print.note(`would be refused: ${shown.refused.detail}`);
    return 1;
  }
  // Sends the position, not the time: now both mean the same, but only the position always will.
  const to = shown.to === undefined ? {} : { to: shown.to };
  const meter = new Meter(context);
  meter.show(() => `making ${plural(shown.changes?.length ?? 0, 'change')}`);
  const wish = { ...what, ...to, seen: shown.position };
  const done = await ask(client, wish, args.flag('wait') ? PATIENT : {}).finally(() => meter.clear());
  if (print.json) await print.value(done);
  else {
    await print.line(`${doneAs(done)}; in force at position ${done.position}`);
    await print.lines(drainedLines(done.drained));
  }
  return 0;
}

const progress = z.object({ found: z.int(), at: z.string() });

/** Everything that differs may take minutes to find, the undoing of one change takes none. */
async function lookedAt(context: Context, what: object): Promise<RolledBack> {
  const body = { ...what, dryRun: true };
  if ('change' in what) return ask(await context.admin(), body);
  return askLong(context, {
    ask: { method: 'POST', path: ['v1', 'rollback'], body },
    answer: rolledBack,
    progress,
    say: ({ found, at }) => `found ${plural(found, 'change')}, up to ${at}`,
    first: 'looking for what differs',
  });
}

function wishOf(args: Arguments): object {
  const [to, change] = [args.text('to'), args.count('change', 1)];
  if ((to === undefined) === (change === undefined))
    throw new UsageError(
      `expected --to SEQ|TIME or --change SEQ, found ${to === undefined ? 'neither' : 'both'}`,
    );
  const allowRemovals = args.count('allow-removals', 0, MAX_ALLOWANCE);
  return { ...(to === undefined ? { change } : { to }), allowRemovals, ...scopeOf(args) };
}

function doneAs({ to, change }: RolledBack): string {
  if (change === undefined) return `restored to position ${to}`;
  const { from, to: last } = change;
  return `undone: position ${from === last ? from : `${from} to ${last}`}`;
}

function ask(client: AdminClient, body: object, how: Partial<Ask> = {}) {
  return client.ask({ method: 'POST', path: ['v1', 'rollback'], body, ...how }, rolledBack);
}
