/**
 * What readers of history cost those who are served meanwhile: at half load, with changes going on, in turns without any
 * reader and with three that never rest: stories of requests, states of the past, and every decision made again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AdminClient } from '../test/support/admin-client.ts';
import { schedulingOf } from './accounting.ts';
import type { Figures } from './changes.ts';
import type { Drive, Plan } from './measure.ts';
import type { RunningPeer } from './peers/peer.ts';
import { median, percentile } from './statistics.ts';

// Enough of them that a state of the past is no short fold.
const SEEDED = 2000;
// 20 changes a second: a busy platform, and far from what the log can take.
const COMMAND_EVERY_MS = 50;
const WORKER = /^worker-/;

type Turn = {
  /** Nanoseconds on a core of the threads that route, for a request. */
  readonly workerUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly commandP50Ms: number;
  readonly commandP99Ms: number;
  readonly perSecond: number;
  readonly errors: number;
};

type Answers = { stories: number; states: number; replays: number };

export async function measureHistory(router: RunningPeer, drive: Drive, plan: Plan): Promise<Figures> {
  if (router.admin === undefined) throw new Error('expected a peer with an admin API');
  await using admin = new AdminClient(router.admin);
  await seed(admin);
  await drive(plan.warmUpSeconds);
  const quiet: Turn[] = [];
  const read: Turn[] = [];
  const answers: Answers = { stories: 0, states: 0, replays: 0 };
  for (let round = 0; round < plan.rounds; round += 1) {
    const both = [
      async () => void quiet.push(await turn(router.pid, admin, drive, plan.seconds)),
      async () =>
        void read.push(await readDuring(admin, answers, () => turn(router.pid, admin, drive, plan.seconds))),
    ];
    // Whoever is second finds a warmer machine.
    for (const one of round % 2 === 0 ? both : both.toReversed()) await one();
  }
  return {
    ...told('without readers', quiet),
    ...told('with readers', read),
    ...compared(quiet, read),
    ...counted(answers, plan),
  };
}

async function seed(admin: AdminClient): Promise<void> {
  for (let at = 0; at < SEEDED; at += 1)
    await admin.must('PUT', `/v1/domains/seed${at % 100}.example`, { pool: 'bench', maxInFlight: 1000 + at });
}

async function turn(pid: number, admin: AdminClient, drive: Drive, seconds: number): Promise<Turn> {
  const stop = new AbortController();
  const commands = commanding(admin, stop.signal);
  const before = schedulingOf(pid, WORKER);
  const load = await drive(seconds);
  const workerNs = schedulingOf(pid, WORKER) - before;
  stop.abort();
  const latencies = await commands;
  return {
    workerUs: workerNs / 1000 / load.requests,
    p50Ms: load.p50Us / 1000,
    p99Ms: load.p99Us / 1000,
    commandP50Ms: percentile(latencies, 50),
    commandP99Ms: percentile(latencies, 99),
    perSecond: load.perSecond,
    errors: load.errors,
  };
}

async function commanding(admin: AdminClient, signal: AbortSignal): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let change = 0; !signal.aborted; change += 1) {
    const began = performance.now();
    await admin.must('PUT', `/v1/domains/seed${change % 100}.example`, {
      pool: 'bench',
      maxInFlight: change + 1,
    });
    latencies.push(performance.now() - began);
    await sleep(Math.max(0, COMMAND_EVERY_MS - (performance.now() - began)));
  }
  return latencies;
}

async function readDuring<T>(admin: AdminClient, answers: Answers, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const ids = await requestIds(admin);
  let place = 0;
  const readers = [
    reading(stop.signal, async () => {
      await admin.must('GET', `/v1/requests/${ids[place++ % ids.length]}`);
      answers.stories += 1;
    }),
    reading(stop.signal, async () => {
      await admin.must('GET', `/v1/state?at=${1 + ((place * 37) % SEEDED)}`);
      answers.states += 1;
    }),
    reading(stop.signal, async () => {
      await admin.must('POST', '/v1/replay', { verify: true });
      answers.replays += 1;
    }),
  ];
  try {
    return await work();
  } finally {
    stop.abort();
    await Promise.all(readers);
  }
}

async function reading(signal: AbortSignal, ask: () => Promise<void>): Promise<void> {
  while (!signal.aborted) await ask();
}

async function requestIds(admin: AdminClient): Promise<readonly string[]> {
  const sql = 'SELECT id FROM v1_requests LIMIT 500';
  const { body } = await admin.must<{ rows: readonly [string][] }>('POST', '/v1/query', { sql });
  return body.rows.map(([id]) => id);
}

function told(when: string, turns: readonly Turn[]): Figures {
  const of = (figure: (turn: Turn) => number) => median(turns.map(figure));
  return {
    [`${when}: CPU of the workers, µs a request`]: of(({ workerUs }) => workerUs),
    [`${when}: requests, p50 ms`]: of(({ p50Ms }) => p50Ms),
    [`${when}: requests, p99 ms`]: of(({ p99Ms }) => p99Ms),
    [`${when}: commands, p50 ms`]: of(({ commandP50Ms }) => commandP50Ms),
    [`${when}: commands, p99 ms`]: of(({ commandP99Ms }) => commandP99Ms),
    [`${when}: requests a second`]: of(({ perSecond }) => perSecond),
    [`${when}: failed requests`]: turns.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** Of the same round, so that a noisy minute hits both. */
function compared(quiet: readonly Turn[], read: readonly Turn[]): Figures {
  const ratio = (figure: (turn: Turn) => number) =>
    median(read.map((one, round) => figure(one) / figure(quiet[round] as Turn)));
  return {
    'with ÷ without: CPU of the workers': ratio(({ workerUs }) => workerUs),
    'with ÷ without: requests, p99': ratio(({ p99Ms }) => p99Ms),
    'with ÷ without: commands, p50': ratio(({ commandP50Ms }) => commandP50Ms),
    'with ÷ without: commands, p99': ratio(({ commandP99Ms }) => commandP99Ms),
  };
}

function counted({ stories, states, replays }: Answers, { rounds, seconds }: Plan): Figures {
  const time = rounds * seconds;
  return {
    'answers a second: stories': stories / time,
    'answers a second: states': states / time,
    'answers: replays of everything': replays,
  };
}
