/** What a replay says of records that no ledger can have left: one history, and one thing changed in it. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  keyOf,
  type LedgerRecord,
  ReplayedPool,
  ReplayMemory,
} from '../../../../../actors/pool/ledger/index.ts';
import { OP } from '../../../../../actors/pool/ledger/record/record-layout.ts';
import type { Of } from '../../../../../actors/pool/ledger/replay/verdict.ts';
import { backend, defineWeb, leased, TestWaiter, WEB, web, world } from '../world.ts';

const A = keyOf('a');
const B = keyOf('b');
const HEALTH = { failures: 1, windowMs: 1000, maxEjectedPercent: 100, quarantineMs: 100, slowStartMs: 0 };

/** Of each kind of operation at least one. */
async function history(): Promise<readonly LedgerRecord[]> {
  const stage = world();
  const [one, two] = [stage.thread(), stage.thread()];
  const rows = [backend('a'), backend('b')];
  await defineWeb(stage, rows, { maxWaiting: 1, health: HEALTH });
  const [first, second] = [one, two].map((thread) => leased(web(thread).checkout(10, [], new TestWaiter())));
  const waiter = new TestWaiter();
  web(two).checkout(11, [], waiter);
  web(one).checkout(12, [], new TestWaiter());
  web(one).checkin(first!, 20, 'finished');
  stage.hear(two);
  const leaver = new TestWaiter();
  web(one).checkout(21, [], leaver);
  web(one).leave(leaver, 22);
  web(two).checkin(second!, 23, 'finished');
  web(two).checkin(leased(waiter.lease), 23, 'finished');
  web(one).quarantine(B, 30, 100);
  const failed = leased(web(one).checkout(100, [B], new TestWaiter(), 0, 7));
  web(one).checkin(failed, 110, 'backend_failed');
  web(one).expire(210);
  web(one).checkin(leased(web(one).checkout(211, [B], new TestWaiter(), 0, 7)), 212, 'finished');
  web(one).probed(A, 220, true);
  web(one).probed(A, 221, false);
  const sick = [B, A].map((other) => leased(web(one).checkout(222, [other], new TestWaiter())));
  for (const lease of sick) web(one).checkin(lease, 223, 'timed_out');
  await defineWeb(stage, rows, { maxWaiting: 1, health: { ...HEALTH, maxEjectedPercent: 50 }, nowMs: 224 });
  web(two).checkout(230, [B], new TestWaiter());
  await defineWeb(stage, [backend('b')], { phase: 'restrict', maxWaiting: 0, nowMs: 240 });
  await stage.main.reap(two.number, 250);
  await stage.main.drop(WEB, { position: 9, nowMs: 260 });
  return stage.records().toSorted((x, y) => x.ticket - y.ticket);
}

type Op = LedgerRecord['op'];
type Edit = (records: readonly LedgerRecord[]) => readonly LedgerRecord[];

function which(records: readonly LedgerRecord[], op: Op, nth: number): number {
  const at = records.flatMap((record, i) => (record.op === op ? [i] : [])).at(nth);
  if (at === undefined) throw new Error(`expected ${op} number ${nth}`);
  return at;
}

/** The n-th of this kind is another one; −1: the last. */
function changed(op: Op, nth: number, by: object): Edit {
  return (records) => {
    const at = which(records, op, nth);
    return records.with(at, { ...records[at], ...by } as LedgerRecord);
  };
}

function without(op: Op, nth: number): Edit {
  return (records) => records.toSpliced(which(records, op, nth), 1);
}

/** It is there once more, a little other. */
function twice(op: Op, nth: number, by: object): Edit {
  return (records) => {
    const at = which(records, op, nth);
    return records.toSpliced(at + 1, 0, { ...records[at], ...by } as LedgerRecord);
  };
}

function refused(op: Op, refusal: string): Edit {
  return changed(op, 0, { op: 'refuse', refusal });
}

/** On the other backend. */
function elsewhere(op: Op, nth: number): Edit {
  return (records) => {
    const its = records[which(records, op, nth)] as Of<'checkout'>;
    const other = records.find((record) => record.op === 'row' && record.row !== its.row) as Of<'row'>;
    return changed(op, nth, { row: other.row, backendKey: other.backendKey, epoch: other.epoch })(records);
  };
}

function fiveRoutesOut(records: readonly LedgerRecord[]): readonly LedgerRecord[] {
  return [5, 4, 3, 2, 1].reduce((left, route) => twice('eject', 0, { route, known: 1 })(left), records);
}

const ONLY_LENGTHENED = 'a quarantine is only lengthened';
const NOT_ENDED = 'what keeps a backend out is over and was not ended';
const SOMETHING_ELSE = 'something else follows from a check-in';

let records: readonly LedgerRecord[];
beforeAll(async () => {
  records = await history();
});

function firstDifference(edited: readonly LedgerRecord[]) {
  const pool = new ReplayedPool(new ReplayMemory(), WEB);
  for (const record of edited) {
    const difference = pool.apply(record);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

describe('a replay', () => {
  it('decides everything as it was', () => {
    const ops = new Set(records.map(({ op }) => op));
    expect(Object.keys(OP).filter((op) => !ops.has(op as Op))).toEqual(['withhold']);
    expect(firstDifference(records)).toBeUndefined();
  });

  it.each<[string, Edit, string, string]>([
    ['a lease that is not picked', elsewhere('checkout', 1), 'another backend is picked', 'leased'],
    ['a needless refusal', refused('checkout', 'no_backends'), 'a backend is free for it', 'leased'],
    [
      'a refusal with room to wait',
      refused('enqueue', 'queue_full'),
      'it is turned away otherwise',
      'queued',
    ],
    ['another refusal', refused('refuse', 'starting'), 'it is turned away otherwise', 'queue_full'],
    ['a grant to another', changed('grant', 0, { waiter: 99 }), 'somebody else is first', 'granted'],
    ['a grant of nothing', without('checkin', 0), 'nobody can be given anything', 'nothing'],
    ['no grant', without('grant', 0), 'somebody waits though a backend is free', 'granted'],
    ['a lease given back twice', twice('checkin', 1, {}), 'it holds no such lease', 'nothing'],
    ['another’s lease given back', changed('checkin', 0, { thread: 3 }), 'it holds no such lease', 'nothing'],
    ['a needless latency', changed('checkin', 0, { latencyMs: 5 }), 'another latency is learnt', '-1'],
    ['who leaves unheard of', changed('leave', 0, { waiter: 99 }), 'nobody of that name waits', 'nothing'],
    ['who leaves for another', changed('leave', 0, { thread: 3 }), 'nobody of that name waits', 'nothing'],
    ['why it waited', changed('leave', 0, { wait: 'unavailable' }), 'it waited for another reason', 'busy'],
    ['a quarantine of no time', changed('quarantine', 0, { untilMs: 30 }), ONLY_LENGTHENED, 'nothing'],
    ['the same quarantine', twice('quarantine', 0, {}), ONLY_LENGTHENED, 'nothing'],
    ['an end too soon', changed('expire', 0, { nowMs: 99 }), 'no quarantine of it is over', 'nothing'],
    ['no end when it is time', without('expire', 0), NOT_ENDED, 'expired'],
    ['no ejection', without('eject', 0), 'what follows from a check-in is missing', 'ejected'],
    ['a longer ejection', changed('eject', 0, { untilMs: 211 }), SOMETHING_ELSE, 'ejected'],
    ['an ejection for no reason', twice('eject', 0, {}), SOMETHING_ELSE, 'nothing'],
    ['one that was withheld', changed('eject', 0, { op: 'withhold' }), SOMETHING_ELSE, 'ejected'],
    ['a return for no reason', twice('release', 0, {}), 'another is let back', 'nothing'],
    ['the return of another', elsewhere('release', 1), 'another is let back', 'nothing'],
    ['a trial too soon', changed('trial', 0, { nowMs: 209 }), 'no ejection of it is over', 'nothing'],
    ['no trial when it is time', without('trial', 0), NOT_ENDED, 'expired'],
    ['more routes out than are kept', fiveRoutesOut, 'there is no room for another route', 'nothing'],
    ['probes that say nothing new', twice('probe', 0, {}), 'its probes said so before', 'nothing'],
    ['another’s row', twice('row', 0, { backendKey: 5 }), 'its row is in use', 'nothing'],
    ['a leased row gone', changed('row', -1, { empty: true }), 'leases on it are out', 'removed'],
    ['a row of before', changed('checkout', 0, { epoch: 2 }), 'the row is not that backend’s', 'nothing'],
  ])('finds %s', (_, edit, cause, word) => {
    expect(firstDifference(edit(records))).toMatchObject({ cause, decided: { word } });
  });
});
