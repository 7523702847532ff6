/** `chaos`: makes an actor fail as a bug would; only for a router that was started with `--chaos`. */
import { CRASH_POINTS } from '../../../actors/index.ts';
import { CommandFailed } from '../failure.ts';
import { anything } from '../transport/replies.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const chaosVerb: Verb = {
  name: 'chaos',
  positionals: ['ACTOR'],
  summary: 'crashes an actor, for tests (only with serve --chaos)',
  options: {
    at: {
      value: 'POINT',
      among: CRASH_POINTS,
      description: `when it next reaches ${CRASH_POINTS.join(', ')} (at once)`,
    },
    ...CHANGE_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const crash = args.positionals[0]!;
  const at = args.text('at');
  const client = await admin();
  const body = at === undefined ? { crash } : { crash, at };
  const answered = await client.answer({ method: 'POST', path: ['v1', 'chaos'], body });
  const switchedOff =
    answered.status === 404 && (answered.body as { type?: unknown })?.type === 'path_unknown';
  if (switchedOff) throw new CommandFailed([`the router at ${client.where} was started without --chaos`]);
  client.parsed(answered, anything);
  if (print.json) await print.value(body);
  else
    await print.line(
      at === undefined ? `${crash} was made to fail` : `${crash} will fail when it next reaches ${at}`,
    );
  return 0;
}
