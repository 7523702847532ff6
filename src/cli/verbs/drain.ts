/** `backend drain`: it gets no further request, and what it serves may finish until a time-out. */
import { receipt } from '../replies.ts';
import { KINDS, thingOf } from '../thing.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const drainVerb: Verb = {
  name: 'backend drain',
  positionals: KINDS.backend.positionals,
  summary: 'gives a backend no further request and lets it finish what it has',
  options: {
    'timeout-ms': { value: 'MS', description: 'what is unfinished by then is cut (30000)' },
    ...CHANGE_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const { path, label } = thingOf(KINDS.backend, args.positionals);
  const timeoutMs = args.count('timeout-ms', 0, 86_400_000) ?? 30_000;
  const client = await admin();
  const facts = await client.ask({ method: 'POST', path: [...path, 'drain'], body: { timeoutMs } }, receipt);
  if (print.json) await print.value(facts);
  else
    await print.line(
      `${label} drains for at most ${timeoutMs / 1000} s: version ${facts.version}, in force at position ${facts.position}`,
    );
  return 0;
}
