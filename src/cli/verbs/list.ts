/** `domain list`, `pool list`, `backend list`: page by page, so that a million go through without being held. */

import { renderTime } from '../../../eventlog/index.ts';
import { type Cell, renderTable } from '../render/table.ts';
import type { AdminClient } from '../transport/admin-client.ts';
import { checkWhole } from '../transport/entries.ts';
import { type Item, type Ledger, type LiveBackend, ledger, page } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';
import { KINDS } from '../words/thing.ts';

type Listing = {
  readonly path: readonly string[];
  readonly header: readonly string[];
  readonly row: (item: Item) => readonly Cell[];
};

export const listVerbs: readonly Verb[] = [
  {
    name: 'domain list',
    positionals: [],
    summary: 'lists all domains',
    options: READ_OPTIONS,
    run: async (context) => {
      const row = ({ name, version, pool }: Item) => [name, String(pool), version];
      return list({ path: ['v1', 'domains'], header: ['host', 'pool', 'version'], row }, context);
    },
  },
  {
    name: 'pool list',
    positionals: [],
    summary: 'lists all pools',
    options: READ_OPTIONS,
    run: async (context) => {
      const row = ({ name, version, policy, backends }: Item) => [
        name,
        String(policy),
        Object.keys(backends ?? {}).length,
        version,
      ];
      return list({ path: ['v1', 'pools'], header: ['pool', 'policy', 'backends', 'version'], row }, context);
    },
  },
  {
    name: 'backend list',
    positionals: ['POOL'],
    summary: 'lists the backends of a pool, with their live state',
    options: READ_OPTIONS,
    run: listBackends,
  },
];

async function listBackends(context: Context): Promise<ExitCode> {
  const pool = KINDS.pool.path(context.args.positionals);
  const live = context.print.json ? undefined : await ledgerOf(await context.admin(), pool);
  // A directory knows nothing of the requests of the router that may be using it.
  const isAtRest = context.args.flag('data');
  const row = ({ name, version, address, weight, state }: Item) => {
    const now = live?.backends[name];
    return [
      name,
      String(address),
      Number(weight),
      now?.limit,
      stateOf(now, String(state)),
      isAtRest ? undefined : now?.inFlight,
      version,
    ];
  };
  const header = ['id', 'address', 'weight', 'limit', 'state', 'in flight', 'version'];
  return list({ path: [...pool, 'backends'], header, row }, context);
}

/** The state in the ledger; when it ends, if it does; and, for ejections on some routes only, which routes. */
function stateOf(now: LiveBackend | undefined, wanted: string): string {
  const { state = wanted, untilMs, quarantine, ejections = [] } = now ?? {};
  const until = untilMs === undefined && state !== 'ejected' ? '' : untilOf(untilMs ?? 0);
  const why =
    state === 'quarantined' && quarantine !== undefined ? quarantine.cause.replaceAll('_', ' ') : '';
  const routes = ejections.flatMap((each) => (each.route === '' ? [] : [each.route + untilOf(each.untilMs)]));
  const onRoutes = routes.length === 0 ? '' : `, ejected on ${routes.join(', ')}`;
  return state + until + (why === '' ? '' : `: ${why}`) + onRoutes;
}

/** Only ejections outlast their time. */
function untilOf(ms: number): string {
  return ms > Date.now() ? ` until ${renderTime(ms)}` : ' until a request has tried it';
}

async function ledgerOf(client: AdminClient, pool: readonly string[]): Promise<Ledger> {
  return client.ask({ method: 'GET', path: [...pool, 'ledger'] }, ledger);
}

// 1 000: the most that the admin API gives at once.
const PAGE = 1000;

async function list({ path, header, row }: Listing, { admin, print, io }: Context): Promise<ExitCode> {
  const client = await admin();
  let after: string | undefined;
  let any = false;
  for (let more = true; more && !print.stop.aborted; ) {
    const { items, next } = await client.ask({ method: 'GET', path, query: { after, limit: PAGE } }, page);
    if (print.json) await printJson(items, any, print);
    else if (items.length > 0) await print.lines(renderTable(any ? undefined : header, items.map(row)));
    any ||= items.length > 0;
    after = next ?? undefined;
    more = next !== null;
  }
  checkWhole(io);
  if (print.json) await print.line(any ? '\n]' : '[]');
  else if (!any) print.note(`none (${client.where})`);
  return 0;
}

/** One array over all pages. */
async function printJson(items: readonly Item[], any: boolean, print: Context['print']): Promise<void> {
  if (items.length === 0) return;
  const start = any ? ',\n' : '[\n';
  await print.text(start + items.map((item) => JSON.stringify(item)).join(',\n'));
}
