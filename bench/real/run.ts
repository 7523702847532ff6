/** One run: the router as its users start it, backends and clients in processes of their own, and what its journal says of it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { openJournalReader } from '../../eventlog/index.ts';
import { Samples, type Summary } from '../../src/simulation/index.ts';
import { startRouter } from '../../test/support/router-process.ts';
import { tempDirectory } from '../../test/support/temp-directory.ts';
import { centralFifoWaits } from '../simulate/central-fifo.ts';
import { type Asked, askAll } from './clients.ts';
import { type Observed, observe } from './observed.ts';
import type { FromBackends } from './one-at-a-time.ts';
import { simulateWorkload } from './simulated.ts';
import { type Workload, workload } from './workload.ts';

export type RunWish = {
  readonly backends: number;
  readonly workers: number;
  readonly seconds: number;
  readonly seed: number;
};

export type Ran = RunWish & {
  readonly asked: Asked;
  readonly observed: Observed;
  /** How long requests waited, by the tickets of the ledger. */
  readonly waits: Summary;
  /** What one queue before all backends comes to, for the very same arrivals and the times that slots were really held. */
  readonly expected: Summary;
  /** What the simulator comes to, without knowing anything of this run but what a hand-over cost in the mean. */
  readonly simulated: Summary;
  /** And if handing over were free. */
  readonly ideal: Summary;
  /** For how long slots were held beyond what the simulator says, on the average: connecting, closing, timers, the machine. */
  readonly handOverCostMs: number;
  readonly handOvers: Summary;
  readonly heldMs: number;
  /** Of all slots, how many were held. */
  readonly load: number;
  /** Connections that a backend had beside the one it served. */
  readonly excess: number;
};

const POOL = 'rap';
// The queue is empty at the beginning: a tenth of the published warm-up, as all times are.
const WARM_UP_MS = 2000;

export async function run(wish: RunWish): Promise<Ran> {
  await using directory = await tempDirectory();
  const backends = await startBackends(wish.backends);
  const members = Object.fromEntries(
    backends.ports.map((port, i) => [`dyno.${i}`, { address: `127.0.0.1:${port}` }]),
  );
  await using router = await startRouter({
    directory: directory.path,
    args: ['--workers', String(wish.workers)],
    config: {
      accessLog: false,
      pools: {
        [POOL]: {
          maxConcurrency: 1,
          queue: { maxWaiting: 10_000 },
          backends: members,
        },
      },
      domains: { '*': { pool: POOL } },
    },
  });
  const load = workload(wish.seed, wish.seconds);
  const asked = await askAll(router.port, load);
  await router.stop();
  const excess = await backends.stop();
  const reader = openJournalReader(join(directory.path, 'data'));
  try {
    const found = compared(observe(reader, POOL), wish.backends);
    return { ...wish, asked, excess, ...found, ...(await simulated(load, wish, found.heldMs)) };
  } finally {
    reader.close();
  }
}

function compared(observed: Observed, backends: number) {
  const { served, handOversMs } = observed;
  const beganMs = served[0]?.arrivedAtMs ?? 0;
  const arrivals = Float64Array.from(served, ({ arrivedAtMs }) => arrivedAtMs - beganMs);
  const held = Float64Array.from(served, ({ grantedAtMs, endedAtMs }) => endedAtMs - grantedAtMs);
  const expectedMs = centralFifoWaits(arrivals, held, backends);
  const isCounted = (_: number, i: number) => arrivals[i]! >= WARM_UP_MS;
  const heldInAllMs = held.reduce((sum, each) => sum + each, 0);
  const heldCountedMs = held.filter(isCounted);
  return {
    observed,
    waits: summaryOf(
      served.map(({ arrivedAtMs, grantedAtMs }) => grantedAtMs - arrivedAtMs).filter(isCounted),
    ),
    expected: summaryOf([...expectedMs].filter(isCounted)),
    handOvers: summaryOf(handOversMs),
    heldMs: heldCountedMs.reduce((sum, each) => sum + each, 0) / heldCountedMs.length,
    load: heldInAllMs / (backends * (arrivals.at(-1) ?? 1)),
  };
}

/** First with hand-overs that cost nothing, then with what they cost. */
async function simulated(load: Workload, { backends, workers }: RunWish, heldMs: number) {
  const how = { backends, workers, warmUpMs: WARM_UP_MS };
  const ideal = await simulateWorkload(load, { ...how, moreMs: 0 });
  const moreMs = Math.max(0, heldMs - ideal.held.mean);
  const { waits } = await simulateWorkload(load, { ...how, moreMs });
  return { ideal: ideal.waits, simulated: waits, handOverCostMs: moreMs };
}

function summaryOf(values: readonly number[]): Summary {
  const samples = new Samples();
  for (const value of values) samples.add(value);
  return samples.summary();
}

type Backends = { readonly ports: readonly number[]; stop(): Promise<number> };

async function startBackends(count: number): Promise<Backends> {
  const child = fork(join(import.meta.dirname, 'one-at-a-time.ts'), [String(count)]);
  const said = async () => (await once(child, 'message'))[0] as FromBackends;
  const first = await said();
  return {
    ports: first.type === 'ports' ? first.ports : [],
    async stop() {
      const ended = once(child, 'exit');
      child.send('end');
      const last = await said();
      await ended;
      return last.type === 'excess' ? last.excess : 0;
    },
  };
}
