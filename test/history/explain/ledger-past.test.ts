import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Asking, keyOf, type LeaseEnd, type LedgerRecord } from '../../../actors/index.ts';
import { JOURNAL_DIRECTORY, openJournalReader } from '../../../eventlog/index.ts';
import { LedgerPast, type Met, type PastPool, poolOf } from '../../../src/history/explain/ledger-past.ts';
import { JournalledPool } from '../../actors/pool/ledger/journalled-pool.ts';
import { RUN } from '../../eventlog/journal/desk.ts';
import { inOrder } from '../../support/in-order.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { RecordedWorld } from '../recorded-world.ts';

const KEY = keyOf('web');
const ENDS: readonly LeaseEnd[] = ['finished', 'finished', 'connect_failed', 'backend_failed', 'client_gone'];
const IDS = ['b.1', 'b.2', 'b.3'];

type Glimpse = { readonly atMs: number; readonly state: Uint8Array };

/** Some seconds of whatever happens to a pool; how it was now and then. */
async function eventful(directory: string, seed: number): Promise<Glimpse[]> {
  let state = seed;
  const chance = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const glimpses: Glimpse[] = [];
  await using world = new RecordedWorld(directory, 2, seed, { segmentAgeMs: 1000 });
  const at = (index: number) => ({ address: `127.0.0.1:${9001 + index}`, maxConcurrency: 2 });
  const backends = Object.fromEntries(IDS.map((id, index) => [id, at(index)]));
  const outlier = { failures: 3, windowMs: 10_000 };
  const settings = { queue: { maxWaiting: 4 }, health: { passive: { outlier } } };
  await world.create(
    { ...settings, policy: seed % 2 === 0 ? 'least-request' : 'peak-ewma' } as never,
    backends,
  );
  for (let step = 0; step < 600; step++) {
    const what = chance(20);
    if (what < 9) world.ask();
    else if (what < 16) world.finish(ENDS[chance(ENDS.length)]!);
    else if (what === 16) world.leave();
    else if (what === 17) world.quarantine(IDS[chance(3)]!, 100 + chance(200));
    else if (what === 18 && step % 5 === 0) await world.die();
    else if (what === 19 && step % 3 === 0) world.probed(IDS[chance(3)]!, chance(2) === 0);
    world.pass(1 + chance(12));
    if (step % 25 === 0) glimpses.push({ atMs: world.nowMs, state: world.glimpse() });
    world.pass(1);
    if (step % 100 === 60) world.checkpoint();
    if (step % 7 === 0) world.turn();
  }
  world.turn();
  // Nothing happens any more.
  for (const laterMs of [0, 1000, 30_000])
    glimpses.push({ atMs: world.nowMs + laterMs, state: world.glimpse() });
  return glimpses;
}

const looked = (pool: PastPool | undefined, nowMs: number) => {
  pool?.expire(nowMs);
  return pool?.look({ nowMs, tried: [], hash: 7, route: 0, wanted: 0 });
};

describe('the past of a ledger', () => {
  it.each([1, 2, 3])('is what it was, at any moment (seed %i)', async (seed) => {
    await using directory = await tempDirectory();
    const glimpses = await eventful(directory.path, seed);
    using past = pastIn(directory.path);
    for (const { atMs, state } of glimpses)
      expect(looked(await past.ledger.at(atMs), atMs)).toEqual(looked(poolOf(KEY, state), atMs));
  });

  it.each([1, 2])(
    'is not told where the journal begins, and is from its first checkpoint on (seed %i)',
    async (seed) => {
      await using directory = await tempDirectory();
      const glimpses = await eventful(directory.path, seed);
      const [first] = (await readdir(join(directory.path, JOURNAL_DIRECTORY))).sort();
      await rm(join(directory.path, JOURNAL_DIRECTORY, first!));
      using past = pastIn(directory.path);
      const known: boolean[] = [];
      for (const { atMs, state } of glimpses) {
        const then = await past.ledger.at(atMs);
        known.push(then !== undefined);
        if (then !== undefined) expect(looked(then, atMs)).toEqual(looked(poolOf(KEY, state), atMs));
      }
      const begins = known.indexOf(true);
      expect(begins).toBeGreaterThan(1);
      expect(known.slice(begins)).not.toContain(false);
      expect(known.length - begins).toBeGreaterThan(10);
    },
  );

  it('is that of one process, where two write one journal', async () => {
    await using directory = await tempDirectory();
    const old = new JournalledPool(directory.path);
    await old.define({ 'b.1': {}, 'b.2': {} });
    old.lease();
    old.checkpoint();
    old.turn();
    old.pass(5000);
    const next = new JournalledPool(directory.path, { run: RUN + 5000 });
    await next.define({ 'b.3': {} });
    for (let turn = 0; turn < 40; turn++) {
      for (const pool of [old, next]) {
        pool.pass(50);
        pool.lease();
        if (turn % 10 === 5) pool.checkpoint();
        pool.turn();
      }
    }
    const nowMs = next.nowMs;
    for (const pool of [old, next]) pool.close();
    using past = pastIn(directory.path);
    const backends = (pool: PastPool | undefined) =>
      looked(pool, nowMs)?.candidates.map(({ backendKey, inFlight }) => [backendKey, inFlight]);
    const ofOld = [
      [keyOf('b.1'), 21],
      [keyOf('b.2'), 20],
    ];
    const ofNext = [[keyOf('b.3'), 40]];
    expect(backends(await past.ofRun(RUN).at(nowMs))).toEqual(ofOld);
    expect(backends(await past.ofRun(RUN + 5000).at(nowMs))).toEqual(ofNext);
    expect(backends(await past.ledger.at(nowMs))).toEqual(ofNext);
  });

  it('is that of the last process, until another has begun', async () => {
    await using directory = await tempDirectory();
    const old = new JournalledPool(directory.path);
    await old.define({ 'b.1': {} });
    old.lease();
    old.checkpoint();
    old.pass(1000);
    old.close();
    const next = new JournalledPool(directory.path, { run: RUN + 5000 });
    await next.define({ 'b.2': {} });
    next.close();
    using past = pastIn(directory.path);
    const inFlight = async (laterMs: number) => {
      const then = await past.ledger.at(RUN + laterMs);
      return looked(then, RUN + laterMs)?.candidates.map((each) => each.inFlight);
    };
    expect(await inFlight(4900)).toEqual([1]);
    expect(await inFlight(-1000)).toBeUndefined();
  });

  it.each([1, 2])('says of each decision what it was, from how it was then (seed %i)', async (seed) => {
    await using directory = await tempDirectory();
    await eventful(directory.path, seed);
    using past = pastIn(directory.path);
    const records: LedgerRecord[] = [];
    for (const step of inOrder(past.journal.operations(KEY), KEY))
      if (step.type === 'operation') records.push(step.record);
    const seen = new Set<string>();
    for (const record of records) {
      if (record.ticket % 7 !== 0) continue;
      const { ticket, nowMs } = record;
      const met = await past.ledger.meet({
        nearMs: nowMs,
        fromTicket: ticket,
        is: (each) => each.ticket === ticket,
      });
      expect(met?.record).toEqual(record);
      if (isDecision(record)) seen.add(record.op);
      if (isDecision(record)) expect(verdictOf(met!), `${ticket}`).toEqual(recordedOf(record));
    }
    expect([...seen].sort()).toEqual(['checkout', 'enqueue', 'grant', 'refuse']);
  });
});

function pastIn(directory: string) {
  const journal = openJournalReader(directory);
  const room = { journal: () => journal, breathe: async () => {} };
  return {
    journal,
    ledger: new LedgerPast(room, KEY),
    ofRun: (run: number) => new LedgerPast(room, KEY, run),
    [Symbol.dispose]: () => journal.close(),
  };
}

type Decision = Extract<LedgerRecord, { op: 'checkout' | 'enqueue' | 'grant' | 'refuse' }>;

function isDecision(record: LedgerRecord): record is Decision {
  return ['checkout', 'enqueue', 'grant', 'refuse'].includes(record.op);
}

function verdictOf({ record, pool }: Met) {
  const asked = record.op === 'grant' ? pool?.waiter(record.waiter) : (record as unknown as Asking);
  const found = asked === undefined ? undefined : pool?.look({ ...asked, nowMs: record.nowMs });
  return { picked: found?.picked, refusal: found?.refusal };
}

function recordedOf(record: Decision) {
  return {
    picked: 'backendKey' in record ? record.backendKey : null,
    refusal: record.op === 'refuse' ? record.refusal : null,
  };
}
