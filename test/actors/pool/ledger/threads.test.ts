import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createArena, keyOf, type LedgerRecord } from '../../../../actors/pool/ledger/index.ts';
import { AREA } from '../../../../actors/pool/ledger/memory/layout.ts';
import { Memory } from '../../../../actors/pool/ledger/memory/memory.ts';
import { readRecords } from '../../../support/record-reader.ts';
import type { FromLoad, Load } from './load-worker.ts';
import { Replay } from './model.ts';
import { backend } from './world.ts';

// A few seconds each time; LEDGER_SECONDS=600 for a long soak.
const SECONDS = Number(process.env['LEDGER_SECONDS'] ?? 3);
const WORKERS = 6;
const POOLS = ['web', 'api', 'jobs'];
const POLICIES = ['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'] as const;
const BACKENDS = ['a', 'b', 'c', 'd', 'e'];
const SEED = Number(process.env['LEDGER_SEED'] ?? Date.now() % 1_000_000);

let chance = SEED;
function below(bound: number): number {
  chance = (Math.imul(chance, 1664525) + 1013904223) | 0;
  return Math.floor(((chance >>> 0) / 2 ** 32) * bound);
}

describe('six workers that die at random, with exit, throw and terminate, also under the lock', () => {
  it(`keep every count, order and record exact (seed ${SEED})`, {
    timeout: (SECONDS + 180) * 1000,
  }, async () => {
    const workers = new Map<number, Worker>();
    const ring = (thread: number) => workers.get(thread)?.postMessage('ring');
    const main = createArena({ threads: WORKERS + 3, ring, record: true, recordSlots: 32_768 });
    const reader = readRecords(main.shared);
    const replays = new Map(POOLS.map((pool) => [keyOf(pool), new Replay()]));
    let grants = 0;
    const failures: unknown[] = [];
    let deaths = 0;
    let heldAtDeath = 0;
    let operations = 0;
    let ending = false;
    const ended: Promise<void>[] = [];

    const drain = () => {
      const records: LedgerRecord[] = [];
      for (let thread = 0; thread < reader.threads; thread++)
        reader.drain(thread, (record) => records.push(record));
      for (const [key, replay] of replays) replay.pass(records.filter((record) => record.poolKey === key));
      grants += records.filter((record) => record.op === 'grant').length;
    };
    const define = async (pool: string, phase: 'restrict' | 'widen', rows = someRows()) => {
      const policy = POLICIES[below(POLICIES.length)]!;
      const settings = { policy, maxWaiting: 5 + below(10), whenEmpty: 'hold', seed: below(1000) } as const;
      await main.define(keyOf(pool), settings, rows, phase, { position: 1, nowMs: Date.now() });
    };
    const spawn = (): void => {
      const thread = main.enlist();
      const doom = below(4);
      const load: Load = {
        buffer: main.shared.buffer,
        thread,
        pools: POOLS,
        backends: BACKENDS,
        seed: below(2 ** 31),
        exitAfter: doom === 0 ? 1 + below(6000) : 0,
        throwAfter: doom === 1 ? 1 + below(2000) : 0,
      };
      const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: load });
      workers.set(thread, worker);
      const livesMs = 20 + below(doom === 2 ? 200 : 1500);
      // From when it runs: on a busy machine it would mostly die before it had begun.
      if (doom >= 2) worker.once('online', () => setTimeout(() => void worker.terminate(), livesMs).unref());
      worker.on('message', (message: FromLoad) => {
        if (message.type === 'ring') ring(message.thread);
        else operations += message.operations;
      });
      worker.on('error', (error: Error) => {
        if (error.message !== 'planned') failures.push(error);
      });
      ended.push(
        new Promise<void>((resolve) => {
          worker.once('exit', () => {
            workers.delete(thread);
            if (!ending) deaths += 1;
            heldAtDeath += diedHalfWay(thread) ? 1 : 0;
            drain();
            main
              .reap(thread, Date.now())
              .then(() => {
                if (!ending) spawn();
              })
              .catch((error: unknown) => failures.push(error))
              .finally(resolve);
          });
        }),
      );
    };
    const memory = new Memory(main.shared.buffer);
    const diedHalfWay = (thread: number) => memory.words[memory.areaOf(thread) + AREA.undoCount] !== 0;

    for (const pool of POOLS)
      await define(
        pool,
        'widen',
        BACKENDS.map((id) => backend(id, { limit: 2 })),
      );
    for (let i = 0; i < WORKERS; i++) spawn();
    const until = Date.now() + SECONDS * 1000;
    // On a busy machine workers take long to start: it goes on until something has happened.
    const enough = () => grants > 200 && deaths > 10;
    while ((Date.now() < until || (!enough() && Date.now() < until + 120_000)) && failures.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 4));
      drain();
      const pool = POOLS[below(POOLS.length)]!;
      if (below(40) === 0) await main.drop(keyOf(pool), { position: 1, nowMs: Date.now() });
      else if (below(4) === 0) {
        const rows = someRows();
        await define(pool, 'restrict', rows);
        await define(pool, 'widen', rows);
      }
    }
    ending = true;
    for (const worker of workers.values()) worker.postMessage('stop');
    for (let i = 0; i < ended.length; i++) await ended[i];
    for (const pool of POOLS) await define(pool, 'widen');
    drain();

    expect(failures).toEqual([]);
    for (let thread = 0; thread < reader.threads; thread++) expect(reader.lost(thread)).toBe(0);
    for (const pool of POOLS) {
      const model = replays.get(keyOf(pool))!.end();
      expect(model.queue).toEqual([]);
      expect([...model.rows.values()].map((row) => row.leases.size)).toEqual(
        [...model.rows.values()].map(() => 0),
      );
      expect(
        main
          .pool(keyOf(pool))
          ?.stats()
          .rows.every((row) => row.inFlight === 0),
      ).toBe(true);
      expect(main.pool(keyOf(pool))?.stats().waiting).toBe(0);
    }
    const records = [...replays.values()].reduce((sum, replay) => sum + replay.applied, 0);
    console.log(
      `${records} records, ${grants} grants, ${deaths} deaths, ${heldAtDeath} half-way through a change, ${operations} operations by the last workers`,
    );
    expect(enough()).toBe(true);
  });
});

function someRows() {
  return BACKENDS.filter(() => below(4) !== 0).map((id) =>
    backend(id, {
      limit: 1 + below(3),
      weight: 1 + below(3),
      state: (['up', 'up', 'up', 'up', 'starting', 'draining'] as const)[below(6)]!,
    }),
  );
}
