/** `actors`: the supervision tree of a running router. */
import { type Actor, actors } from '../replies.ts';
import { clean, renderTable } from '../table.ts';
import { ADMIN_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const actorsVerb: Verb = {
  name: 'actors',
  positionals: [],
  summary: 'prints the supervision tree: states, restarts, last errors',
  options: ADMIN_OPTIONS,
  run,
};

async function run({ admin, print }: Context): Promise<ExitCode> {
  const client = await admin();
  const found = await client.ask({ method: 'GET', path: ['v1', 'actors'] }, actors);
  if (print.json) await print.value(found);
  else await print.lines(rendered(found.actors));
  return 0;
}

function rendered(list: readonly Actor[]): string[] {
  const depths = new Map<string, number>();
  const rows = list.map(({ id, parent, kind, state, restarts, sinceMs, lastError }) => {
    const depth = parent === undefined ? 0 : (depths.get(parent) ?? -1) + 1;
    depths.set(id, depth);
    const since = new Date(sinceMs).toISOString();
    return [
      `${'  '.repeat(depth)}${clean(id)}`,
      kind,
      state,
      restarts,
      since,
      clean(lastError?.message ?? ''),
    ];
  });
  return renderTable(['actor', 'kind', 'state', 'restarts', 'since', 'last error'], rows);
}
