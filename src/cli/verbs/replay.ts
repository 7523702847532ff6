/** `replay`: recorded traffic through the routing core again. Status 1 where a decision is another than the recorded one. */
import { z } from 'zod';
import { UsageError } from '../failure.ts';
import { clean } from '../table.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

const verdict = z.looseObject({
  word: z.string(),
  backend: z.string().optional(),
  waiter: z.number().optional(),
});
const verified = z.looseObject({
  ok: z.boolean(),
  runs: z.number(),
  pools: z.number(),
  operations: z.number(),
  decisions: z.number(),
  checkpoints: z.number(),
  skipped: z.number(),
  differences: z.array(
    z.looseObject({
      pool: z.string(),
      at: z.string(),
      ticket: z.number(),
      op: z.string(),
      thread: z.number(),
      cause: z.string(),
      decided: verdict,
      recorded: verdict,
    }),
  ),
  gaps: z.array(z.looseObject({ pool: z.string(), fromTicket: z.number(), toTicket: z.number() })),
  recordedGaps: z.array(z.looseObject({ from: z.string(), to: z.string(), cause: z.string() })),
  cut: z.boolean(),
  perSecond: z.number(),
});
type Verified = z.output<typeof verified>;

export const replayVerb: Verb = {
  name: 'replay',
  positionals: [],
  summary: 'runs recorded traffic through the routing core again',
  details: ['--verify proves every recorded decision; where one differs, it is printed and the status is 1.'],
  options: {
    verify: { description: 'decide every recorded operation again and compare' },
    from: { value: 'SEQ|TIME', description: 'begin there (the beginning of the journal)' },
    to: { value: 'SEQ|TIME', description: 'end there (now)' },
    ...READ_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  if (!args.flag('verify')) throw new UsageError('expected --verify, found nothing to replay for');
  const client = await admin();
  const body = { verify: true, from: args.text('from'), to: args.text('to') };
  const found = await client.ask({ method: 'POST', path: ['v1', 'replay'], body }, verified);
  if (print.json) await print.value(found);
  else await print.lines(rendered(found).map(clean));
  return found.ok ? 0 : 1;
}

function rendered(found: Verified): string[] {
  const { ok, decisions, operations, pools, runs, checkpoints, skipped, perSecond } = found;
  const more = found.cut ? ' or more' : '';
  return [
    ...found.differences.map(
      ({ pool, ticket, at, op, thread, cause, decided, recorded }) =>
        `pool ${pool}, ticket ${ticket} (${op} by thread ${thread}, ${at}): ${cause}: decided ${said(decided)}, recorded ${said(recorded)}`,
    ),
    ...found.gaps.map(
      ({ pool, fromTicket, toTicket }) =>
        `pool ${pool}: the journal does not have tickets ${fromTicket} to ${toTicket}`,
    ),
    ...found.recordedGaps.map(
      ({ from, to, cause }) => `the journal has a gap from ${from} to ${to} (${cause})`,
    ),
    `${decisions} decisions in ${operations} operations of ${pools} pools and ${runs} runs, ${checkpoints} checkpoints, ` +
      `${skipped} operations skipped, ${perSecond} decisions a second`,
    ok ? 'all decided as recorded' : `${found.differences.length}${more} differences`,
  ];
}

function said({ word, backend, waiter }: z.output<typeof verdict>): string {
  return [word, backend, waiter === undefined ? undefined : `waiter ${waiter}`]
    .filter((part) => part !== undefined)
    .join(' ');
}
