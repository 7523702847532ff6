/** `check`: whether `serve` and `apply` would take a config file, with no router asked. */
import { parseConfig, plural, type Routing } from '../../config/index.ts';
import { accepted, nameOf, readInput } from '../read-input.ts';
import { readToken } from '../transport/token.ts';
import type { Context, ExitCode, Verb } from '../verb.ts';

export const checkVerb: Verb = {
  name: 'check',
  positionals: ['FILE'],
  summary: 'checks a config file; no router is needed',
  details: [
    'Whether its addresses are free, and how it differs from what is in force, only a router can say.',
  ],
  options: {
    'token-file': { value: 'FILE', description: 'file with the admin token, if serve gets one' },
    json: { description: 'print JSON' },
  },
  run,
};

async function run({ args, io, print }: Context): Promise<ExitCode> {
  const file = args.positionals[0]!;
  const tokenFile = args.text('token-file');
  const adminToken = tokenFile === undefined ? undefined : await readToken(tokenFile);
  const { routing } = accepted(parseConfig(await readInput(file, io), { adminToken }), nameOf(file));
  const counts = countsOf(routing);
  if (print.json) await print.value(counts);
  else await print.line(`${nameOf(file)} is valid: ${inWords(counts)}`);
  return 0;
}

type Counts = { readonly pools: number; readonly backends: number; readonly domains: number };

/** Null: the file has settings of the process alone. */
function countsOf(routing: Routing | null): Counts {
  const pools = [...(routing?.pools.values() ?? [])];
  const backends = pools.reduce((sum, pool) => sum + pool.backends.size, 0);
  return { pools: pools.length, backends, domains: routing?.domains.size ?? 0 };
}

function inWords({ pools, backends, domains }: Counts): string {
  return `${plural(pools, 'pool')} with ${plural(backends, 'backend')}, ${plural(domains, 'domain')}`;
}
