/** `actors`: the supervision tree of a running router, page by page. */

import { renderTime } from '../../../eventlog/index.ts';
import { renderTable } from '../render/table.ts';
import { type Actor, actorPage } from '../transport/replies.ts';
import { ADMIN_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const actorsVerb: Verb = {
  name: 'actors',
  positionals: [],
  summary: 'prints the supervision tree: states, restarts, last errors',
  options: ADMIN_OPTIONS,
  run,
};

// 10 000: the most that the admin API gives at once.
const PAGE = 10_000;
const HEADER = ['actor', 'kind', 'state', 'restarts', 'since', 'last error'];

async function run({ admin, print }: Context): Promise<ExitCode> {
  const client = await admin();
  const found: Actor[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const query = { after, limit: PAGE };
    const { items, next } = await client.ask({ method: 'GET', path: ['v1', 'actors'], query }, actorPage);
    found.push(...items);
    after = next ?? undefined;
    more = next !== null;
  }
  if (print.json) await print.value(found);
  else await print.lines(renderTable(HEADER, rowsOf(found)));
  return 0;
}

/** Parents come before their children, so the depth of a parent is known when a child is reached. */
function rowsOf(list: readonly Actor[]) {
  const depths = new Map<string, number>();
  return list.map(({ id, parent, kind, state, restarts, sinceMs, lastError }) => {
    const depth = parent === undefined ? 0 : (depths.get(parent) ?? -1) + 1;
    depths.set(id, depth);
    const since = renderTime(sinceMs);
    return [`${'  '.repeat(depth)}${id}`, kind, state, restarts, since, lastError?.message];
  });
}
