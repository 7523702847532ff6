/** `domain remove`, `pool remove`, `backend remove`. */
import { nothing } from '../replies.ts';
import { KINDS, type Kind, type Noun, thingOf } from '../thing.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';
import { conditionOf, versionOf } from './set.ts';

const SUMMARIES = {
  domain: 'removes a domain: its host is unknown from then on',
  pool: 'removes a pool with its backends; refused while a domain names it',
  backend: 'removes a backend: it gets no further request',
} as const satisfies Record<Noun, string>;

export const removeVerbs: readonly Verb[] = (['domain', 'pool', 'backend'] as const).map((noun) => ({
  name: `${noun} remove`,
  positionals: KINDS[noun].positionals,
  summary: SUMMARIES[noun],
  options: {
    'if-version': { value: 'N', description: 'only if this is its version' },
    ...CHANGE_OPTIONS,
  },
  run: (context) => run(KINDS[noun], context),
}));

async function run(kind: Kind, { args, admin, print }: Context): Promise<ExitCode> {
  const thing = thingOf(kind, args.positionals);
  const client = await admin();
  const headers = conditionOf(versionOf(args));
  const answered = await client.answer({ method: 'DELETE', path: thing.path, headers });
  client.parsed(answered, nothing);
  const at = answered.position === undefined ? '' : `: in force at position ${answered.position}`;
  if (print.json) await print.value({ removed: true, position: answered.position ?? null });
  else await print.line(`${thing.label} removed${at}`);
  return 0;
}
