import { describe, expect, it } from 'vitest';
import {
  DecisionVerification,
  keyOf,
  type LedgerRecord,
  unpackRecords,
} from '../../../../../actors/index.ts';
import {
  type JournalledCheckpoint,
  type JournalReader,
  type OperationBlock,
  openJournalReader,
} from '../../../../../eventlog/index.ts';
import { RUN } from '../../../../eventlog/journal/desk.ts';
import { temporaryDirectory } from '../../../../eventlog/journal/temporary-directory.ts';
import { JournalledPool, nobody } from '../journalled-pool.ts';

const BACKENDS = { 'web.1': {}, 'web.2': { weight: 2 }, 'web.3': {} };

/** Some turns of the writer, each with leases given and given back, and a checkpoint every fourth. */
function work(pool: JournalledPool, turns: number): void {
  for (let turn = 0; turn < turns; turn++) {
    const leases = Array.from({ length: 20 }, () => pool.lease());
    pool.pass(10);
    for (const lease of leases.toReversed()) pool.ledger.checkin(lease, pool.nowMs, 'finished', turn);
    if (turn % 4 === 1) pool.checkpoint();
    pool.pass(60);
    pool.turn();
  }
}

async function journal(policy: 'least-request' | 'peak-ewma', turns = 10): Promise<JournalReader> {
  const directory = temporaryDirectory();
  const pool = new JournalledPool(directory);
  await pool.define(BACKENDS, { policy });
  work(pool, turns);
  pool.close();
  return openJournalReader(directory);
}

function verifyDecisions(blocks: Iterable<OperationBlock>, checkpoints: Iterable<JournalledCheckpoint>) {
  const verification = new DecisionVerification(checkpoints);
  for (const block of blocks) verification.take(block);
  return verification.result();
}

describe('verifying decisions', () => {
  it.each(['least-request', 'peak-ewma'] as const)('decides every one again, by %s', async (policy) => {
    using reader = closing(await journal(policy));
    expect(verifyDecisions(reader.operations(), reader.checkpoints())).toMatchObject({
      runs: 1,
      pools: 1,
      operations: 404,
      decisions: 200,
      checkpoints: 3,
      skipped: 0,
      gaps: [],
      differences: [],
      cut: false,
    });
  });

  it('finds a decision that is another one, says why, and goes on at the next checkpoint', async () => {
    using reader = closing(await journal('least-request'));
    const blocks = [...reader.operations()];
    blocks[2] = withAnotherRow(blocks[2]!);
    const found = verifyDecisions(blocks, reader.checkpoints());
    expect(found.differences).toEqual([
      expect.objectContaining({
        op: 'checkout',
        cause: 'another backend is picked',
        decided: { word: 'leased', backendKey: expect.any(Number) },
        recorded: { word: 'leased', backendKey: expect.any(Number) },
      }),
    ]);
    const [difference] = found.differences;
    expect(difference!.decided.backendKey).not.toBe(difference!.recorded.backendKey);
    expect(found.checkpoints).toBeGreaterThan(0);
    expect(found.skipped).toBeGreaterThan(0);
  });

  it('names the tickets that are missing, and goes on at the next checkpoint', async () => {
    using reader = closing(await journal('least-request'));
    const blocks = [...reader.operations()];
    blocks.splice(3, 1);
    const found = verifyDecisions(blocks, reader.checkpoints());
    expect(found.gaps).toEqual([expect.objectContaining({ fromTicket: 125, toTicket: 164 })]);
    expect(found.differences).toEqual([]);
    // Those between the gap and the checkpoint behind turn 5.
    expect(found.skipped).toBe(80);
  });

  it('begins at the first checkpoint where the beginning is gone', async () => {
    using reader = closing(await journal('least-request'));
    const found = verifyDecisions([...reader.operations()].slice(1), reader.checkpoints());
    expect(found).toMatchObject({ gaps: [], differences: [], skipped: 40, checkpoints: 2 });
  });

  it('finds a state that is not its checkpoint’s', async () => {
    using reader = closing(await journal('least-request'));
    const checkpoints = [...reader.checkpoints()].map((checkpoint, index) => {
      const state = new Uint8Array(checkpoint.state);
      // The bound of the queue.
      if (index === 1) state[3] = state[3]! + 1;
      return { ...checkpoint, state };
    });
    const found = verifyDecisions(reader.operations(), checkpoints);
    expect(found.differences).toEqual([
      expect.objectContaining({
        op: 'checkpoint',
        cause: expect.stringContaining('another one'),
        decided: { word: expect.stringContaining('"maxWaiting":100,') },
        recorded: { word: expect.stringContaining('"maxWaiting":101,') },
      }),
      // The third is of a pool whose queue was never so long.
      expect.objectContaining({ op: 'checkpoint' }),
    ]);
  });

  it('compares the state of a pool that has long been idle, too', async () => {
    const directory = temporaryDirectory();
    const pool = new JournalledPool(directory);
    await pool.define(BACKENDS);
    work(pool, 5);
    pool.pass(10_000);
    pool.checkpoint();
    pool.close();
    using reader = closing(openJournalReader(directory));
    expect(verifyDecisions(reader.operations(), reader.checkpoints())).toMatchObject({
      checkpoints: 2,
      differences: [],
    });
  });

  it('tells a hundred gaps and a hundred differences, and that there are more', async () => {
    using reader = closing(await journal('least-request', 410));
    const [blocks, checkpoints] = [[...reader.operations()], [...reader.checkpoints()]];
    // The bound of the queue, each time another one.
    const wrong = checkpoints.map((each, i) => ({ ...each, state: each.state.with(3, i % 2) }));
    const told = (dropped: number, altered: number) => {
      const kept = blocks.filter((_, i) => i % 2 === 0 || i >= 2 * dropped);
      const { gaps, differences, cut } = verifyDecisions(kept, [
        ...wrong.slice(0, altered),
        ...checkpoints.slice(altered),
      ]);
      return { gaps: gaps.length, differences: differences.length, cut };
    };
    expect(told(101, 0)).toEqual({ gaps: 100, differences: 0, cut: true });
    expect(told(0, 100)).toEqual({ gaps: 0, differences: 100, cut: true });
  });

  it('goes on from a checkpoint with the leases that were out, and with those who waited', async () => {
    const directory = temporaryDirectory();
    const pool = new JournalledPool(directory);
    await pool.define({ 'web.1': { limit: 2 } });
    const held = [pool.lease(), pool.lease()];
    const waiters = [nobody(), nobody(), nobody()];
    for (const waiter of waiters) pool.ledger.checkout(pool.nowMs, [], waiter);
    for (let turn = 0; turn < 4; turn++) {
      pool.pass(60);
      pool.turn();
      if (turn === 1) pool.checkpoint();
      if (turn > 1) pool.ledger.checkin(held[turn - 2]!, pool.nowMs, 'finished');
    }
    pool.ledger.leave(waiters[2]!, pool.nowMs);
    pool.close();
    using reader = closing(openJournalReader(directory));
    const blocks = [...reader.operations()];
    const all = verifyDecisions(blocks, reader.checkpoints());
    const rest = verifyDecisions(blocks.slice(1), reader.checkpoints());
    expect(all).toMatchObject({ skipped: 0, gaps: [], differences: [] });
    // Two given back, two granted, one who left.
    expect(rest).toMatchObject({ operations: 5, decisions: 3, skipped: 0, gaps: [], differences: [] });
  });

  it('decides what was written last, of which something before may yet come', async () => {
    using reader = closing(await journal('least-request'));
    const blocks = [...reader.operations()];
    expect(verifyDecisions(blocks.slice(0, 1), [])).toMatchObject({ operations: 44, skipped: 0, gaps: [] });
    const found = verifyDecisions(blocks.toSpliced(-2, 1), reader.checkpoints());
    expect(found).toMatchObject({ operations: 364, gaps: [], differences: [] });
  });

  it('begins anew with each run of the process', async () => {
    const directory = temporaryDirectory();
    for (const [i, policy] of (['least-request', 'random'] as const).entries()) {
      const pool = new JournalledPool(directory, { run: RUN + i * 60_000 });
      await pool.define(BACKENDS, { policy });
      work(pool, 10);
      pool.close();
    }
    using reader = closing(openJournalReader(directory));
    expect(verifyDecisions(reader.operations(), reader.checkpoints())).toMatchObject({
      runs: 2,
      pools: 1,
      operations: 808,
      checkpoints: 6,
      skipped: 0,
      gaps: [],
      differences: [],
    });
  });

  it('keeps the pools of one journal apart', async () => {
    const directory = temporaryDirectory();
    const web = new JournalledPool(directory);
    await web.define(BACKENDS);
    await web.main.define(
      keyOf('api'),
      { policy: 'random', maxWaiting: 3, whenEmpty: 'refuse', seed: 9 },
      [{ backendKey: keyOf('api.1'), limit: 0, weight: 1, state: 'up', quarantineUntilMs: 0 }],
      'widen',
      { position: 2, nowMs: web.nowMs },
    );
    const api = web.main.pool(keyOf('api'))!;
    for (let i = 0; i < 30; i++) {
      const lease = api.checkout(web.nowMs, [], { place: 0, granted() {}, refused() {} });
      if (i % 3 > 0 && typeof lease === 'object') api.checkin(lease, web.nowMs, 'unused');
      work(web, 1);
    }
    web.close();
    using reader = closing(openJournalReader(directory));
    expect(verifyDecisions(reader.operations(), reader.checkpoints())).toMatchObject({
      pools: 2,
      skipped: 0,
      gaps: [],
      differences: [],
    });
  });

  it('has no more of the pools of a journal in memory than there were at a time', () => {
    const verification = new DecisionVerification([]);
    verification.run(RUN);
    // Room for a row is room for those before it: together they are twice what there is addresses for.
    const POOLS = 400;
    for (let poolKey = 1; poolKey <= POOLS; poolKey++)
      for (const record of restingPool(poolKey, 4000)) verification.operation(record);
    expect(verification.result()).toMatchObject({
      pools: POOLS,
      operations: 3 * POOLS,
      skipped: 0,
      differences: [],
    });
  });
});

/** A ledger that is made with one row, and given back. */
function restingPool(poolKey: number, row: number): readonly LedgerRecord[] {
  const of = (ticket: number) => ({ thread: 0, poolKey, ticket, nowMs: RUN, position: 1 });
  const settings = { policy: 'random', maxWaiting: 1, whenEmpty: 'refuse', widening: false } as const;
  const closed = {
    empty: false,
    removed: false,
    draining: false,
    starting: false,
    quarantined: false,
    ejected: false,
    failing: false,
  };
  return [
    { op: 'start', seed: 1, ...settings, ...of(1) },
    { op: 'row', row, backendKey: 1, epoch: 1, limit: 0, weight: 1, untilMs: 0, ...closed, ...of(2) },
    { op: 'drop', ...of(3) },
  ];
}

/** The block with one flipped byte by which one checkout, and nothing else, goes to another row. */
function withAnotherRow(block: OperationBlock): OperationBlock {
  const before = [...unpackRecords(block.packed)].map((record) => JSON.stringify(record));
  for (let at = 0; at < block.packed.length; at++) {
    const packed = new Uint8Array(block.packed);
    packed[at] = packed[at]! ^ 1;
    try {
      const after = [...unpackRecords(packed)];
      const changed = after.filter((record, index) => JSON.stringify(record) !== before[index]);
      const [only] = changed;
      if (after.length !== before.length || changed.length !== 1 || only?.op !== 'checkout') continue;
      const was = JSON.parse(before[after.indexOf(only)]!) as { row: number; nowMs: number };
      if (was.row !== only.row && was.nowMs === only.nowMs) return { ...block, packed };
    } catch {
      // Not even a block any more.
    }
  }
  throw new Error('expected a byte that says a row');
}

function closing(reader: JournalReader): JournalReader & Disposable {
  return Object.assign(reader, { [Symbol.dispose]: () => reader.close() });
}
