/**
 * `npm run bench`: what a request costs through us and through others, in one run on one machine.
 *
 *   load and backend on one core  ◀──▶  the proxy, all its threads, on another
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { CASES, type Case } from './cases.ts';
import { prepareLoad } from './load.ts';
import { coreFor, machine, versionOf } from './machine.ts';
import { type Contender, type IdleTurn, type Plan, type Turn, takeIdleTurn, takeTurn } from './measure.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx, nginxForwarded } from './peers/nginx.ts';
import { nodeUndici } from './peers/node-undici.ts';
import type { Peer, Place, RunningPeer } from './peers/peer.ts';
import { switchyard, switchyardBefore, switchyardUnjournalled } from './peers/switchyard.ts';
import { type CaseResult, caseTable, markdown, type Report, screenTable } from './report.ts';

const PEERS: readonly Peer[] = [
  nginx,
  nginxForwarded,
  haproxy,
  nodeUndici,
  switchyard,
  switchyardUnjournalled,
];
const YARDSTICKS = ['nginx', 'node-undici', 'switchyard-before'];

const USAGE = `node bench/bench.ts [--cases NAME,…] [--peers NAME,…] [--rounds N] [--seconds N] [--warm-up N] [--results DIR] [--against CHECKOUT]
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
    help: { type: 'boolean', default: false },
  },
});

if (options.help) say(USAGE);
else await bench();

async function bench(): Promise<void> {
  const cases = chosen(CASES, options.cases, 'case');
  const { present, skipped } = splitPresent([...chosen(PEERS, options.peers, 'peer'), ...before()]);
  for (const word of skipped) say(`skipped: ${word}`);
  const lacking = ['wrk', 'nginx'].filter((tool) => versionOf(tool, ['-v']) === undefined);
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
    await finish(await measureAll(cases, present, skipped, directory));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureAll(
  cases: readonly Case[],
  peers: readonly Peer[],
  skipped: readonly string[],
  directory: string,
): Promise<Report> {
  const facts = { date: new Date().toISOString(), machine: machine(), skipped, yardsticks: YARDSTICKS };
  const plan: Plan = {
    rounds: wholeNumber('rounds', options.rounds),
    seconds: wholeNumber('seconds', options.seconds),
    warmUpSeconds: wholeNumber('warm-up', options['warm-up']),
    loadCore: coreFor('around'),
  };
  if (plan.loadCore === undefined) say('not pinned: expected two cores and taskset; the figures are noisier');
  const backend = await startBackend(directory, plan.loadCore);
  try {
    const place = { directory, backendPort: backend.port, core: coreFor('proxy') };
    const results: CaseResult[] = [];
    for (const each of cases)
      results.push(await withContenders(peers, place, (all) => measureCase(each, all, plan, directory)));
    const versions = Object.fromEntries(peers.map((peer) => [peer.name, peer.version() ?? 'unknown']));
    return { ...facts, versions, rounds: plan.rounds, seconds: plan.seconds, cases: results };
  } finally {
    await backend.stop();
  }
}

/** `--against` another checkout of ours. */
function before(): readonly Peer[] {
  return options.against === undefined ? [] : [switchyardBefore(options.against)];
}

/** Each case gets processes of its own, so that none inherits another's heap. */
async function withContenders<T>(
  peers: readonly Peer[],
  place: Place,
  measure: (contenders: readonly Contender[]) => Promise<T>,
): Promise<T> {
  const running: (Contender & RunningPeer)[] = [];
  try {
    for (const peer of peers) running.push({ name: peer.name, ...(await peer.start(place)) });
    return await measure(running);
  } finally {
    for (const each of running) await each.stop();
  }
}

async function measureCase(
  each: Case,
  contenders: readonly Contender[],
  plan: Plan,
  directory: string,
): Promise<CaseResult> {
  say(`\n${each.title} (${each.connections} connections)`);
  const result =
    each.measure === 'requests'
      ? { case: each, turns: await requestTurns(each, contenders, plan, directory) }
      : { case: each, turns: await idleTurns(each, contenders) };
  say(screenTable(caseTable(result, YARDSTICKS)));
  return result;
}

async function requestTurns(
  each: Case & { measure: 'requests' },
  contenders: readonly Contender[],
  plan: Plan,
  directory: string,
): Promise<Turn[]> {
  const script = await prepareLoad(directory, each);
  const turns: Turn[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const contender of rotated(contenders, round)) {
      turns.push(await takeTurn(contender, each, script, round, plan));
    }
  }
  return turns;
}

async function idleTurns(
  each: Case & { measure: 'idle' },
  contenders: readonly Contender[],
): Promise<IdleTurn[]> {
  const turns: IdleTurn[] = [];
  // Once: what a process has taken it keeps, so a second round on it would show nothing.
  for (const contender of contenders) turns.push(await takeIdleTurn(contender, each, 0));
  return turns;
}

async function finish(report: Report): Promise<void> {
  const name = report.date.slice(0, 19).replaceAll(':', '');
  await mkdir(options.results, { recursive: true });
  await writeFile(join(options.results, `${name}.json`), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(join(options.results, `${name}.md`), markdown(report));
  say(`\nwritten to ${join(options.results, name)}.md and .json`);
}

function splitPresent(peers: readonly Peer[]): { present: readonly Peer[]; skipped: readonly string[] } {
  const present = peers.filter((peer) => peer.version() !== undefined);
  const absent = peers.filter((peer) => !present.includes(peer));
  return { present, skipped: absent.map((peer) => `${peer.name} is not installed; ${peer.whenMissing}`) };
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

/** Each round begins with another, so that none is always after the same neighbour. */
function rotated<T>(all: readonly T[], by: number): readonly T[] {
  const cut = by % all.length;
  return [...all.slice(cut), ...all.slice(0, cut)];
}

function wholeNumber(name: string, text: string): number {
  const found = Number(text);
  if (Number.isInteger(found) && found > 0) return found;
  throw new Error(`--${name}: expected a whole number above 0, found ${JSON.stringify(text)}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
