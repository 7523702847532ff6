/** A worker that takes, waits, leaves and gives back at random until it is told to stop or dies as planned. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Lease, PoolLedger, Waiter } from '../../../../actors/pool/ledger/index.ts';
import { keyOf } from '../../../../actors/pool/ledger/index.ts';
import { AREA, ARENA } from '../../../../actors/pool/ledger/memory/layout.ts';
import { Section } from '../../../../actors/pool/ledger/memory/section.ts';
import { ThreadLedger } from '../../../../actors/pool/ledger/thread-ledger.ts';

export interface Load {
  readonly buffer: SharedArrayBuffer;
  readonly thread: number;
  readonly pools: readonly string[];
  readonly backends: readonly string[];
  readonly seed: number;
  /** Noted writes until it ends itself in the midst of one; 0: it does not. */
  readonly exitAfter: number;
  /** Operations until it throws; 0: it does not. */
  readonly throwAfter: number;
}

export type FromLoad =
  | { readonly type: 'ring'; readonly thread: number }
  | { readonly type: 'stopped'; readonly operations: number };

const load = workerData as Load;
const port = parentPort!;
const BATCH = 150;
const HELD_MOST = 4;
const WAITING_MOST = 6;

let chance = load.seed;
function below(bound: number): number {
  chance = (Math.imul(chance, 1664525) + 1013904223) | 0;
  return Math.floor(((chance >>> 0) / 2 ** 32) * bound);
}

/** Ends its thread between two writes, as nothing else could. */
class DoomedSection extends Section {
  private left = load.exitAfter;
  override set(at: number, value: number): void {
    super.set(at, value);
    this.left -= 1;
    if (this.left === 0) process.exit(0);
    // Now and then it dawdles inside, so that others meet the lock held, and a terminate finds it there.
    if (below(2000) === 0) dawdle(below(200_000));
  }
}

function ringUse(): number {
  const { words, area } = section;
  const used = words[area + AREA.recordHead]! - Atomics.load(words, area + AREA.recordTail);
  return (used | 0) / words[ARENA.recordSlots]!;
}

function dawdle(turns: number): void {
  for (let i = 0; i < turns; i++) if (turns === i + 1) Atomics.load(new Int32Array(load.buffer, 0, 1), 0);
}

const ring = (thread: number) => port.postMessage({ type: 'ring', thread } satisfies FromLoad);
const section = new DoomedSection(load.buffer, load.thread);
const ledger = new ThreadLedger(section, ring);

interface Held {
  readonly pool: PoolLedger;
  readonly lease: Lease;
}
const held: Held[] = [];
const waiting: { readonly pool: PoolLedger; readonly waiter: Waiter }[] = [];
let operations = 0;
let stopping = false;

function one(): void {
  operations += 1;
  if (operations === load.throwAfter) throw new Error('planned');
  const turn = below(10);
  const nowMs = Date.now();
  if (turn < 5 && held.length < HELD_MOST && waiting.length < WAITING_MOST) ask(nowMs);
  else if (turn < 8) giveBack(nowMs, below(held.length));
  else if (turn < 9) leave(nowMs, below(waiting.length));
  else if (below(20) === 0) quarantine(nowMs);
  else expire(nowMs);
}

function ask(nowMs: number): void {
  const pool = ledger.pool(keyOf(load.pools[below(load.pools.length)]!));
  if (pool === undefined) return;
  const tried = load.backends.filter(() => below(8) === 0).map(keyOf);
  const waiter: Waiter = {
    place: 0,
    granted: (lease) => held.push({ pool, lease }),
    refused: () => {},
  };
  const answer = pool.checkout(nowMs, tried, waiter, below(6));
  if (typeof answer === 'object') held.push({ pool, lease: answer });
  else if (answer === 'queued') waiting.push({ pool, waiter });
}

function giveBack(nowMs: number, index: number): void {
  const [mine] = held.splice(index, 1);
  if (mine === undefined) return;
  mine.pool.checkin(mine.lease, nowMs, below(5) === 0 ? 'server_error' : 'finished', below(50) - 1);
}

function leave(nowMs: number, index: number): void {
  const [mine] = waiting.splice(index, 1);
  if (mine === undefined || mine.waiter.place === 0) return;
  const answer = mine.pool.leave(mine.waiter, nowMs);
  if (typeof answer === 'object') held.push({ pool: mine.pool, lease: answer });
}

function quarantine(nowMs: number): void {
  const pool = ledger.pool(keyOf(load.pools[below(load.pools.length)]!));
  pool?.quarantine(keyOf(load.backends[below(load.backends.length)]!), nowMs, nowMs + 1 + below(5));
}

function expire(nowMs: number): void {
  ledger.pool(keyOf(load.pools[below(load.pools.length)]!))?.expire(nowMs);
}

function turn(): void {
  if (stopping) {
    while (waiting.length > 0) leave(Date.now(), 0);
    while (held.length > 0) giveBack(Date.now(), 0);
    port.postMessage({ type: 'stopped', operations } satisfies FromLoad);
    port.close();
    return;
  }
  // The test decides every record again, which takes longer than making it; here none may be lost.
  for (let i = 0; i < BATCH && ringUse() < 0.5; i++) one();
  for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i]!.waiter.place === 0) waiting.splice(i, 1);
  setTimeout(turn, below(3));
}

port.on('message', (message: 'ring' | 'stop') => {
  if (message === 'ring') ledger.deliver();
  else stopping = true;
});
turn();
