/** What a checkout and its check-in cost, in nanoseconds: `node bench/ledger.bench.ts [rounds]`. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  attachArena,
  createArena,
  keyOf,
  type Ledger,
  type LedgerShared,
} from '../actors/pool/ledger/index.ts';
import type { PolicyName } from '../actors/pool/policy/policies.ts';
import { readRecords } from '../test/support/record-reader.ts';

const PAIRS = 200_000;
const WARM_UP = 50_000;
const HELD = 8;
// The reader is another thread in life, so its work is not counted here; the ring must not be full, or nothing is written.
const DRAIN_EVERY = 4000;
const ROWS = [3, 75, 1000];
const POLICIES: readonly PolicyName[] = [
  'least-request',
  'round-robin',
  'random',
  'p2c',
  'peak-ewma',
  'consistent-hash',
];
const DEFINED = { position: 1, nowMs: 0 };

interface Task {
  readonly shared: LedgerShared;
  readonly thread: number;
  readonly pool: string;
  readonly pairs: number;
}

const nobody = { place: 0, granted() {}, refused() {} };

/** Some leases are held all the time, so that the counts differ as they do in life. */
function pairs(ledger: Ledger, pool: string, count: number, drain?: () => void): number {
  const web = ledger.pool(keyOf(pool))!;
  const held = Array.from({ length: HELD }, () => web.checkout(1, [], nobody));
  let drained = 0n;
  const from = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    if (i % DRAIN_EVERY === 0 && drain !== undefined) {
      const since = process.hrtime.bigint();
      drain();
      drained += process.hrtime.bigint() - since;
    }
    // A time, a key and a latency: who does not look at them pays for passing them only.
    const lease = web.checkout(i, NONE_TRIED, nobody, i + 1);
    const old = held[i % HELD]!;
    if (typeof lease === 'string' || typeof old === 'string') throw new Error('expected a lease');
    web.checkin(old, i, 'finished', 5 + (i % 7));
    held[i % HELD] = lease;
  }
  const tookNs = Number(process.hrtime.bigint() - from - drained);
  for (const lease of held) if (typeof lease !== 'string') web.checkin(lease, 1, 'finished');
  return tookNs / count;
}
const NONE_TRIED: readonly number[] = [];

async function define(main: ReturnType<typeof createArena>, pool: string, policy: PolicyName, rows: number) {
  const backends = Array.from({ length: rows }, (_, i) => ({
    backendKey: keyOf(`${pool}.${i}`),
    limit: 0,
    weight: 1,
    state: 'up' as const,
    quarantineUntilMs: 0,
  }));
  const settings = { policy, maxWaiting: 1000, whenEmpty: 'refuse', seed: 1 } as const;
  await main.define(keyOf(pool), settings, backends, 'widen', DEFINED);
}

function inWorkers(main: ReturnType<typeof createArena>, pool: string, workers: number, count: number) {
  return Promise.all(
    Array.from({ length: workers }, () => {
      const task: Task = { shared: main.shared, thread: main.enlist(), pool, pairs: count };
      const worker = new Worker(new URL(import.meta.url), { workerData: task });
      return new Promise<number>((resolve, reject) => {
        worker.once('message', resolve).once('error', reject);
      });
    }),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function bench(rounds: number): Promise<void> {
  for (const record of [true, false]) {
    const main = createArena({ threads: 5, ring() {}, record });
    const ledger = attachArena(main.shared, main.enlist(), () => {});
    const reader = readRecords(main.shared);
    const drain = () => void reader.drain(ledger.thread, () => {});
    for (const policy of POLICIES) {
      for (const rows of ROWS) {
        const pool = `${policy}-${rows}`;
        await define(main, pool, policy, rows);
        const count = rows > 100 ? PAIRS / 10 : PAIRS;
        pairs(ledger, pool, rows > 100 ? WARM_UP / 10 : WARM_UP, drain);
        const taken = Array.from({ length: rounds }, () => pairs(ledger, pool, count, drain));
        say({ case: policy, rows, record, ns: median(taken) });
      }
    }
    if (!record) continue;
    for (const rows of [3, 75]) {
      const main = createArena({ threads: 3, ring() {}, record });
      await define(main, 'shared', 'least-request', rows);
      const taken = await inWorkers(main, 'shared', 2, PAIRS);
      say({ case: 'least-request, 2 workers doing nothing else', rows, record, ns: median(taken) });
    }
  }
}

function say(line: { case: string; rows: number; record: boolean; ns: number }): void {
  const recorded = line.record ? 'recorded' : 'not recorded';
  console.log(
    `${line.case.padEnd(44)} ${String(line.rows).padStart(5)} rows  ${recorded.padEnd(13)} ${line.ns.toFixed(0).padStart(6)} ns`,
  );
}

if (isMainThread) {
  await bench(Number(process.argv[2] ?? 5));
} else {
  const task = workerData as Task;
  const ledger = attachArena(task.shared, task.thread, () => {});
  pairs(ledger, task.pool, WARM_UP);
  const took = pairs(ledger, task.pool, task.pairs);
  parentPort?.postMessage(took);
}
