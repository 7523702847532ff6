/** `apply`: makes the running router's domains and pools equal to a file, all at once or not at all. */
import { renderTime } from '../../../eventlog/index.ts';
import { MAX_ALLOWANCE, parseDesired, type Routing, routingJson } from '../../config/index.ts';
import { CommandFailed, UsageError } from '../failure.ts';
import { accepted, nameOf, readInput } from '../read-input.ts';
import { rendered } from '../render/rendered.ts';
import type { AdminClient } from '../transport/admin-client.ts';
import { type Applied, applied, drainedLines } from '../transport/replies.ts';
import { type Answered, type Ask, PATIENT } from '../transport/transport.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';
import { durationMs } from '../words/duration.ts';

export const applyVerb: Verb = {
  name: 'apply',
  positionals: ['FILE'],
  summary: 'makes pools and domains equal to those of a file, in one atomic change',
  details: [
    'Removing more domains, or more backends, than 10 or a tenth of those present, whichever is greater, needs',
    '--allow-removals N. A pool without backends in the file has none afterwards.',
  ],
  options: {
    'dry-run': { description: 'print the difference and change nothing' },
    'allow-removals': {
      value: 'N',
      description: 'allow removing up to N domains and N backends',
    },
    'confirm-within': {
      value: 'TIME',
      description: 'undo the change after TIME (60s, 5m) unless confirmed with: confirm ID',
    },
    wait: { description: 'wait until removed backends have drained' },
    ...CHANGE_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, io, admin } = context;
  const file = args.positionals[0]!;
  const allowRemovals = args.count('allow-removals', 0, MAX_ALLOWANCE);
  const confirmWithinMs = durationMs('confirm-within', args.text('confirm-within'));
  if (confirmWithinMs !== undefined && args.flag('wait'))
    throw new UsageError(
      'expected --wait or --confirm-within, found both',
      'what is confirmed may be waited for: apply it again with --wait',
    );
  const routing = desired(await readInput(file, io), nameOf(file));
  const client = await admin();
  const send = (dryRun: boolean): Promise<Answered> =>
    post(client, routing, { dryRun, allowRemovals, confirmWithinMs: dryRun ? undefined : confirmWithinMs });
  const sendPatiently = () => post(client, routing, { dryRun: false, allowRemovals }, PATIENT);
  const dryRun = args.flag('dry-run');
  const answered = await (args.flag('wait') && !dryRun ? sendPatiently() : send(dryRun));
  // If an apply is refused, shows what it would have done, which helps to decide.
  if (answered.status === 409) await shown(client, await send(true), context);
  const reply = client.parsed(answered, applied);
  return told(reply, context);
}

function desired(raw: unknown, where: string): Routing {
  const routing = accepted(parseDesired(raw), where);
  if (routing !== null) return routing;
  throw new CommandFailed([`${where}: expected pools and domains, found neither`]);
}

function post(
  client: AdminClient,
  routing: Routing,
  query: {
    readonly dryRun: boolean;
    readonly allowRemovals: number | undefined;
    readonly confirmWithinMs?: number | undefined;
  },
  how: Partial<Ask> = {},
): Promise<Answered> {
  return client.answer({ method: 'POST', path: ['v1', 'apply'], query, body: routingJson(routing), ...how });
}

async function shown(client: AdminClient, answered: Answered, { print }: Context): Promise<void> {
  if (print.json || answered.status !== 200) return;
  const { changes = [] } = client.parsed(answered, applied);
  await print.lines(rendered(changes, print));
}

async function told(reply: Applied, { print }: Context): Promise<ExitCode> {
  const { dryRun, changes, position, refused } = reply;
  if (print.json) await print.value(reply);
  else {
    await print.lines(rendered(changes ?? [], print));
    if (!dryRun) await print.line(`in force at position ${position}`);
    await print.lines(drainedLines(reply.drained));
  }
  if (reply.confirm != null && !print.json) {
    const until = renderTime(reply.confirm.untilMs);
    await print.line(`undone at ${until} unless confirmed: switchyard confirm ${reply.confirm.id}`);
  }
  if (refused == null) return 0;
  print.note(`would be refused: ${refused.detail}`);
  return 1;
}
