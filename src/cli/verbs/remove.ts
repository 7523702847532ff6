/** `domain remove`, `pool remove`, `backend remove`. */

import { drainedLines, drainedPool, drainReport, nothing } from '../transport/replies.ts';
import { PATIENT } from '../transport/transport.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';
import type { Options } from '../words/arguments.ts';
import { KINDS, type Kind, type Noun, thingOf } from '../words/thing.ts';
import { conditionOf, versionOf } from './set.ts';

const SUMMARIES = {
  domain: 'removes a domain',
  pool: 'removes a pool with its backends; refused while a domain names it',
  backend: 'removes a backend; it gets no new requests',
} as const satisfies Record<Noun, string>;

const WAIT_OPTIONS = {
  domain: {},
  pool: { wait: { description: 'wait until its backends have drained' } },
  backend: { wait: { description: 'wait until it has drained, and say how its requests ended' } },
} as const satisfies Record<Noun, Options>;

export const removeVerbs: readonly Verb[] = (['domain', 'pool', 'backend'] as const).map((noun) => ({
  name: `${noun} remove`,
  positionals: KINDS[noun].positionals,
  summary: SUMMARIES[noun],
  options: {
    'if-version': { value: 'N', description: 'only if its version is N' },
    ...WAIT_OPTIONS[noun],
    ...CHANGE_OPTIONS,
  },
  run: (context) => run(KINDS[noun], context),
}));

async function run(kind: Kind, { args, admin, print }: Context): Promise<ExitCode> {
  const thing = thingOf(kind, args.positionals);
  const client = await admin();
  const headers = conditionOf(versionOf(args));
  const ask = { method: 'DELETE', path: thing.path, headers } as const;
  const waits = args.flag('wait');
  const patient = { ...ask, patient: true, headers: { ...headers, ...PATIENT.headers } };
  const answered = await client.answer(waits ? patient : ask);
  const position = answered.position ?? null;
  const line = `${thing.label} removed${position === null ? '' : `: in force at position ${position}`}`;
  if (waits && kind.noun === 'pool') {
    const end = client.parsed(answered, drainedPool);
    if (print.json) await print.value({ removed: true, position, ...end });
    else await print.lines([line, ...drainedLines(end.drained)]);
    return 0;
  }
  const end = waits ? client.parsed(answered, drainReport) : client.parsed(answered, nothing);
  if (print.json) await print.value({ removed: true, position, ...end });
  else await print.line(end === undefined ? line : `${line}, ${end.finished} finished, ${end.cut} cut`);
  return 0;
}
