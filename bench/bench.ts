/**
 * `npm run bench`: what a request costs through us and through others, in one run on one machine.
 *
 *   load and backend on one core  ◀──▶  the proxy, all its threads, on another
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CASES, type Case } from './cases.ts';
import { coreFor, lackingTools, machine, stayOn } from './machine.ts';
import { PeerFailed, type Plan } from './measure.ts';
import { haproxy } from './peers/haproxy.ts';
import { nodeHttpProxy } from './peers/http-proxy.ts';
import { nginx, nginxForwarded } from './peers/nginx.ts';
import { nodePump } from './peers/node-pump.ts';
import { nodeUndici } from './peers/node-undici.ts';
import type { Peer } from './peers/peer.ts';
import { SWITCHYARDS, switchyardBefore } from './peers/switchyard.ts';
import { plot } from './plot.ts';
import { caseTable, markdown, type Report, screenTable } from './report.ts';
import { type CaseResult, runCase } from './run-case.ts';

const PEERS: readonly Peer[] = [
  nginx,
  nginxForwarded,
  haproxy,
  nodeUndici,
  nodeHttpProxy,
  nodePump,
  ...SWITCHYARDS,
];

const USAGE = `node bench/bench.ts [--cases NAME,…] [--peers NAME,…] [--rounds N] [--seconds N] [--warm-up N] [--results DIR] [--against CHECKOUT]
  [--together]: all peers at once on the one core, for a machine that others use too
cases: ${CASES.map(({ name }) => name).join(' ')}
peers: ${PEERS.map(({ name }) => name).join(' ')}`;

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    'warm-up': { type: 'string', default: '1' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
    against: { type: 'string' },
    together: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) say(USAGE);
else await bench();

async function bench(): Promise<void> {
  const cases = chosen(CASES, options.cases, 'case');
  const lacking = lackingTools();
  if (lacking.length > 0) {
    say(
      `skipped: the whole bench, since the load is wrk and the backend is nginx; apt-get install ${lacking.join(' ')}`,
    );
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), 'switchyard-bench-'));
  // nginx started by root serves files as another user.
  await chmod(directory, 0o755);
  try {
    await finish(await measureAll(cases, directory));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureAll(cases: readonly Case[], directory: string): Promise<Report> {
  const facts = { date: new Date().toISOString(), machine: machine() };
  const plan: Plan = {
    rounds: wholeNumber('rounds', options.rounds),
    seconds: wholeNumber('seconds', options.seconds),
    warmUpSeconds: wholeNumber('warm-up', options['warm-up']),
    loadCore: coreFor('around'),
    together: options.together,
  };
  if (plan.loadCore === undefined) say('not pinned: expected two cores and taskset; the figures are noisier');
  else stayOn(plan.loadCore);
  const present = new Map<string, string>();
  const skipped = new Set<string>();
  const results: CaseResult[] = [];
  for (const each of cases) {
    const peers = peersOf(each).filter((peer) => isPresent(peer, present, skipped));
    say(`\n${each.title}`);
    const result = await runOfAble(each, peers, plan, directory, skipped);
    say(screenTable(caseTable(result)));
    results.push(result);
  }
  const versions = Object.fromEntries(present);
  const { rounds, seconds } = plan;
  return { ...facts, versions, skipped: [...skipped], rounds, seconds, cases: results };
}

/** The case again without a peer that failed in it; if it was one of ours, that is the result. */
async function runOfAble(
  each: Case,
  peers: readonly Peer[],
  plan: Plan,
  directory: string,
  skipped: Set<string>,
): Promise<CaseResult> {
  try {
    return await runCase(each, peers, plan, directory);
  } catch (error) {
    if (!(error instanceof PeerFailed) || error.peer.startsWith('switchyard')) throw error;
    say(`skipped: ${error.message}`);
    skipped.add(error.message);
    const others = peers.filter(({ name }) => name !== error.peer);
    return runOfAble(each, others, plan, directory, skipped);
  }
}

/** Who takes part: those the case names, or all who are in every case; of them those that were asked for. */
function peersOf(each: Case): readonly Peer[] {
  const invited = PEERS.filter(({ name, onlyNamed }) => each.peers?.includes(name) ?? onlyNamed !== true);
  const asked = chosen(PEERS, options.peers, 'peer');
  const before = options.against === undefined ? [] : [switchyardBefore(options.against)];
  return [...invited.filter((peer) => asked.includes(peer)), ...before];
}

function isPresent(peer: Peer, present: Map<string, string>, skipped: Set<string>): boolean {
  const version = present.get(peer.name) ?? peer.version();
  if (version !== undefined) {
    present.set(peer.name, version);
    return true;
  }
  const word = `${peer.name} is not there; ${peer.whenMissing}`;
  if (!skipped.has(word)) say(`skipped: ${word}`);
  skipped.add(word);
  return false;
}

async function finish(report: Report): Promise<void> {
  const name = report.date.slice(0, 19).replaceAll(':', '');
  await mkdir(options.results, { recursive: true });
  await writeFile(join(options.results, `${name}.json`), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(join(options.results, `${name}.md`), markdown(report, `${name}.svg`));
  await writeFile(join(options.results, `${name}.svg`), plot(report));
  say(`\nwritten to ${join(options.results, name)}.md, .json and .svg`);
}

function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
  what: string,
): readonly T[] {
  if (names === undefined) return all;
  return names.split(',').map((name) => {
    const found = all.find((each) => each.name === name);
    if (found === undefined) throw new Error(`expected a ${what}, found ${JSON.stringify(name)}\n${USAGE}`);
    return found;
  });
}

function wholeNumber(name: string, text: string): number {
  const found = Number(text);
  if (Number.isInteger(found) && found > 0) return found;
  throw new Error(`--${name}: expected a whole number above 0, found ${JSON.stringify(text)}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
