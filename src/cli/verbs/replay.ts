/**
 * `replay`: recorded traffic through the routing core again. Status 1 if a decision differs from the recorded one.
 */
import { z } from 'zod';
import { parsePoolName } from '../../../eventlog/index.ts';
import { poolSettings } from '../../../eventlog/settings/settings.ts';
import { plural } from '../../config/index.ts';
import { UsageError } from '../failure.ts';
import { clean } from '../render/table.ts';
import { askLong } from '../transport/ask-long.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';
import { whatIf } from '../what-if.ts';

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
  damaged: z.array(z.string()).default([]),
  cut: z.boolean(),
  perSecond: z.number(),
});
type Verified = z.output<typeof verified>;

const POLICIES = poolSettings.shape.policy.unwrap().options;

export const replayVerb: Verb = {
  name: 'replay',
  positionals: [],
  summary: 'replays recorded traffic: verifies every decision, or simulates a change',
  details: [
    '--verify, the default, repeats every recorded decision; a difference is printed and the exit status is 1.',
    '--policy, --without, --with and --backends simulate the same requests with something changed.',
  ],
  options: {
    verify: { description: 'repeat every recorded decision and compare' },
    policy: { value: 'POLICY', among: POLICIES, description: 'with another policy' },
    without: { value: 'SEQ', multiple: true, description: 'without this event of a pool; may be repeated' },
    with: { value: 'FILE', description: 'with the pool settings of this config file' },
    backends: { value: '+N|-N', description: 'with N more or fewer backends in each pool' },
    pool: { value: 'POOL', parse: parsePoolName, description: 'only this pool' },
    from: { value: 'SEQ|TIME', description: 'start there (the start of the journal)' },
    to: { value: 'SEQ|TIME', description: 'end there (now)' },
    ...READ_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args } = context;
  const isOtherwise = OTHERWISE.some((name) => args.flag(name));
  if (args.flag('verify') && isOtherwise)
    throw new UsageError(
      'expected --verify, or a change to simulate (--policy, --without, --with, --backends), found both',
    );
  return isOtherwise ? whatIf(context) : verify(context);
}

const OTHERWISE = ['policy', 'without', 'with', 'backends'] as const;

async function verify(context: Context): Promise<ExitCode> {
  const { args, print } = context;
  if (args.flag('pool'))
    throw new UsageError(
      '--pool: expected a change to simulate beside it (--policy, --without, --with, --backends), found none',
    );
  const body = { verify: true, from: args.text('from'), to: args.text('to') };
  const found = await askLong(context, {
    ask: { method: 'POST', path: ['v1', 'replay'], body },
    answer: verified,
    progress: z.object({ at: z.string() }),
    say: ({ at }) => `decided again up to ${at}`,
    first: 'reading the journal',
  });
  if (print.json) await print.value(found);
  else await print.lines(rendered(found).map(clean));
  return found.ok ? 0 : 1;
}

function rendered(found: Verified): string[] {
  const { decisions, operations, pools, runs, checkpoints, skipped, perSecond } = found;
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
    ...found.damaged.map((file) => `damaged in the journal: ${file}`),
    `${plural(decisions, 'decision')} in ${plural(operations, 'operation')} of ${plural(pools, 'pool')} and ${plural(runs, 'run')}, ` +
      `${plural(checkpoints, 'checkpoint')}, ${plural(skipped, 'operation')} skipped, ${plural(perSecond, 'decision')} a second`,
    ending(found),
  ];
}

function ending({ ok, differences, cut, skipped }: Verified): string {
  if (ok && skipped === 0) return 'all decided as recorded';
  if (ok) return 'all but those skipped decided as recorded';
  if (differences.length === 0) return 'all that could be read was decided as recorded';
  return `${differences.length}${cut ? ' or more' : ''} differences`;
}

function said({ word, backend, waiter }: z.output<typeof verdict>): string {
  return [word, backend, waiter === undefined ? undefined : `waiter ${waiter}`]
    .filter((part) => part !== undefined)
    .join(' ');
}
