/** `backend drain`: the backend gets no further requests, and those in progress may finish until a time-out. */
import { drainReport, receipt } from '../transport/replies.ts';
import { PATIENT } from '../transport/transport.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';
import { KINDS, thingOf } from '../words/thing.ts';

export const drainVerb: Verb = {
  name: 'backend drain',
  positionals: KINDS.backend.positionals,
  summary: 'sends a backend no new requests and lets open ones finish',
  options: {
    'timeout-ms': { value: 'MS', description: 'cut requests that are still open after MS (30000)' },
    wait: { description: 'wait until it has drained, and say how its requests ended' },
    ...CHANGE_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const { path, label } = thingOf(KINDS.backend, args.positionals);
  const timeoutMs = args.count('timeout-ms', 0, 86_400_000) ?? 30_000;
  const client = await admin();
  const ask = { method: 'POST', path: [...path, 'drain'], body: { timeoutMs } } as const;
  if (args.flag('wait')) {
    const end = await client.ask({ ...ask, ...PATIENT }, drainReport);
    if (print.json) await print.value(end);
    else await print.line(`${label} is drained: ${end.finished} finished, ${end.cut} cut`);
    return 0;
  }
  const facts = await client.ask(ask, receipt);
  if (print.json) await print.value(facts);
  else
    await print.line(
      `${label} drains for at most ${timeoutMs / 1000} s: version ${facts.version}, in force at position ${facts.position}`,
    );
  return 0;
}
