/** `domain show`, `pool show`, `backend show`: all settings of one thing, defaults included. */
import { yamlOf } from '../render/yaml.ts';
import { settings } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';
import { KINDS, type Kind, type Noun, thingOf } from '../words/thing.ts';

const NOUNS: readonly Noun[] = ['domain', 'pool', 'backend'];

export const showVerbs: readonly Verb[] = NOUNS.map((noun) => ({
  name: `${noun} show`,
  positionals: KINDS[noun].positionals,
  summary: `shows all settings of a ${noun}, defaults included`,
  options: READ_OPTIONS,
  run: (context) => run(KINDS[noun], context),
}));

async function run(kind: Kind, { args, admin, print }: Context): Promise<ExitCode> {
  const { path, label } = thingOf(kind, args.positionals);
  const client = await admin();
  const answered = await client.answer({ method: 'GET', path });
  const found = client.parsed(answered, settings);
  if (print.json) {
    await print.value(found);
    return 0;
  }
  const version = /\d+/.exec(answered.etag ?? '')?.[0];
  await print.line(`# ${label}${version === undefined ? '' : `, version ${version}`}`);
  await print.text(yamlOf(found));
  return 0;
}
