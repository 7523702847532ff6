/**
 * `node bench/million.ts [DOMAINS] [POOLS] [WORKERS] [CHANGES] [--only PART,…] [--in DIR]`: a million domains on 100 000 pools on one
 * node. How fast they are imported, what a change takes meanwhile, how soon a router that has them is ready, in how much
 * memory, what a request costs beside a router that has ten, what one change among them takes under load, and what a million
 * changes leave behind. Half an hour, most of it the changes, and a few gigabytes of disk. With `--in` the domains and the
 * figures stay in a directory, where another run takes other parts. All parts of a million go to bench/results/million.md.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { RouterProcess } from '../test/support/router-process.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { wholeNumber } from './figures.ts';
import { lackingTools } from './machine.ts';
import { churned } from './million/churned.ts';
import { costing } from './million/costing.ts';
import { importing, WARM_UP } from './million/importing.ts';
import { loaded, SINGLE } from './million/loaded.ts';
import { type Found, kept, type Row, render } from './million/report.ts';
import { Stage } from './million/stage.ts';
import { starting } from './million/starting.ts';
import { used } from './million/used.ts';

const A_MILLION = 1_000_000;
const PARTS = ['import', 'start', 'cost', 'loaded', 'used', 'churn'] as const;
type Part = (typeof PARTS)[number];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, in: { type: 'string' } },
});
const domains = wholeNumber(positionals[0], A_MILLION);
const pools = wholeNumber(positionals[1], Math.max(1, Math.floor(domains / 10)));
const workers = wholeNumber(positionals[2], 2);
const changes = wholeNumber(positionals[3], A_MILLION);
const parts = chosen(options.only);

const TITLE = `${domains} domains on ${pools} pools, ${workers} workers`;
const NOTES = [
  'A change: from sending the command to the response to the first request that it routes. Lines: pools',
  'included. CPU a line is that of all threads of the router. Router, wrk (the load), nginx (the backend), the importer and the',
  'process that makes the changes, and does nothing else, share the cores. Before the changes are counted there are',
  `${SINGLE.warmUp} under load (then ${SINGLE.changes}), and ${WARM_UP} before the import: a router that has just started compiles its code.`,
  `Between two changes ${SINGLE.restMs} ms pass under load, and 20 during the import.`,
  'What is alone is taken by turns with the changes, by the same process: a change cannot be quicker than the three.',
  `The load: 64 connections, ${SINGLE.hosts} domains, half of what wrk found it can do alone.`,
];
const began = performance.now();

const lacking = lackingTools();
if (lacking.length > 0)
  tell(`skipped: the load is wrk and the backend is nginx; apt-get install ${lacking.join(' ')}`);
else await bench();

async function bench(): Promise<void> {
  await using own = options.in === undefined ? await tempDirectory() : undefined;
  const directory = own?.path ?? resolve(options.in ?? '');
  await mkdir(directory, { recursive: true });
  await using stage = await Stage.in({ directory, domains, pools, workers });
  const keep = (part: Part, rows: readonly Row[]) => kept(directory, part, rows);
  let found: Found = {};
  if (parts.includes('import')) found = await keep('import', await told('import', importing(stage)));
  if (parts.includes('start')) found = await keep('start', await told('start', starting(stage)));
  if (parts.includes('cost')) found = await keep('cost', await told('cost', costing(stage)));
  const others = parts.filter((part) => part === 'loaded' || part === 'used' || part === 'churn');
  if (others.length > 0) {
    await using router = await stage.full('many');
    for (const part of others) found = await keep(part, await told(part, taken(part, stage, router)));
    await router.stop();
  }
  await show(found);
}

function taken(part: Part, stage: Stage, router: RouterProcess): Promise<readonly Row[]> {
  if (part === 'loaded') return loaded(stage, router);
  return part === 'used' ? used(stage, router) : churned(router, changes, tell);
}

async function told(part: Part, rows: Promise<readonly Row[]>): Promise<readonly Row[]> {
  tell(part);
  return await rows;
}

/** A sketch, and a part, is for the screen. */
async function show(found: Found): Promise<void> {
  const text = render(TITLE, found, PARTS, NOTES);
  process.stdout.write(`${text}\n`);
  if (domains < A_MILLION || PARTS.some((part) => found[part] === undefined)) return;
  const results = join(import.meta.dirname, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(join(results, 'million.md'), text);
}

function chosen(names: string | undefined): readonly Part[] {
  if (names === undefined) return PARTS;
  const unknown = names.split(',').find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined)
    throw new Error(`expected of ${PARTS.join(', ')}, found ${JSON.stringify(unknown)}`);
  return PARTS.filter((part) => names.split(',').includes(part));
}

function tell(what: string): void {
  process.stderr.write(`${Math.round((performance.now() - began) / 1000)} s: ${what}\n`);
}
