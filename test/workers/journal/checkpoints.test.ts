/** Which pools have their ledgers checkpointed into the journal, and when: by ticks, over a real ring. */
import { beforeEach, expect, it } from 'vitest';
import { createArena, keyOf, type MainLedger } from '../../../actors/index.ts';
import { createJournalMemory, JournalMemory, RingProducer, WRITER_STATUS } from '../../../eventlog/index.ts';
import { FRAME } from '../../../eventlog/journal/ring/frame.ts';
import { RingConsumer } from '../../../eventlog/journal/ring/ring-consumer.ts';
import { Checkpoints } from '../../../src/workers/journal/checkpoints.ts';

const nobody = () => ({ place: 0, granted() {}, refused() {} });

let ledger: MainLedger;
let memory: JournalMemory;
let ring: RingProducer;
let checkpoints: Checkpoints;
let nowMs: number;

beforeEach(() => {
  nowMs = 1000;
  ledger = createArena({ threads: 1, ring() {}, record: true });
  const shared = createJournalMemory({ rings: 1, run: 1 });
  memory = new JournalMemory(shared);
  ring = new RingProducer(shared, 0);
  checkpoints = new Checkpoints(ledger, ring, () => nowMs);
});

async function define(count: number): Promise<void> {
  const pool = { policy: 'least-request', maxWaiting: 3, whenEmpty: 'refuse', seed: 4 } as const;
  const row = { backendKey: keyOf('a'), limit: 0, weight: 1, state: 'up', quarantineUntilMs: 0 } as const;
  for (let at = 0; at < count; at++)
    await ledger.define(keyOf(`p${at}`), pool, [row], 'widen', { position: 1, nowMs });
}

function use(name: string, pairs: number): void {
  const pool = ledger.pool(keyOf(name))!;
  for (let pair = 0; pair < pairs; pair++) {
    const lease = pool.checkout(nowMs, [], nobody());
    if (typeof lease !== 'string') pool.checkin(lease, nowMs, 'finished');
  }
}

/** The pools that were checkpointed by a tick, so much later than the last. */
function tick(afterMs: number): number[] {
  nowMs += afterMs;
  checkpoints.tick();
  const consumer = new RingConsumer(memory, 0);
  const pools: number[] = [];
  consumer.look((kind, offset) => {
    if (kind === FRAME.checkpoint) pools.push(consumer.doubles[(offset >> 3) + 1]!);
    return true;
  });
  consumer.release();
  return pools;
}

it('are those that something happened to, within a second, and no others', async () => {
  await define(2);
  expect(tick(0)).toEqual([keyOf('p0'), keyOf('p1')]);
  expect(tick(1000)).toEqual([]);
  use('p1', 1);
  expect(tick(100)).toEqual([]);
  expect(tick(900)).toEqual([keyOf('p1')]);
  expect(tick(1000)).toEqual([]);
});

it('are sooner those that very much happened to', async () => {
  await define(2);
  tick(0);
  use('p0', 2047);
  expect(tick(100)).toEqual([]);
  use('p0', 1);
  expect(tick(100)).toEqual([keyOf('p0')]);
});

it('are all of them once for each segment', async () => {
  await define(2);
  tick(0);
  memory.writerStatus[WRITER_STATUS.segment] = 2;
  expect(tick(1000)).toHaveLength(2);
  expect(tick(1000)).toEqual([]);
});

it('are so many at a time, and none while the ring is needed for more', async () => {
  await define(501);
  expect(tick(0)).toHaveLength(500);
  expect(tick(1)).toHaveLength(1);
  for (const name of ['p0', 'p1']) use(name, 1);
  while (ring.fullness <= 0.5) {
    ring.begin(1024);
    ring.at += 1020;
    ring.end(FRAME.pad);
  }
  expect(tick(1000)).toEqual([]);
  expect(tick(100)).toEqual([keyOf('p0'), keyOf('p1')]);
});
