import { describe, expect, it } from 'vitest';
import {
  attachArena,
  createArena,
  keyOf,
  type MainLedger,
  type RowDefinition,
  unpackCheckpoint,
  type Waiter,
} from '../../../../../actors/index.ts';
import { Memory } from '../../../../../actors/pool/ledger/memory/memory.ts';
import type { PolicyName } from '../../../../../actors/pool/policy/policies.ts';
import { ByteWriter } from '../../../../../eventlog/index.ts';

const nobody = (): Waiter => ({ place: 0, granted() {}, refused() {} });
const WEB = keyOf('web');

function row(id: string, more: Partial<RowDefinition> = {}): RowDefinition {
  return { backendKey: keyOf(id), limit: 1, weight: 1, state: 'up', quarantineUntilMs: 0, ...more };
}

function define(main: MainLedger, rows: readonly RowDefinition[], policy: PolicyName) {
  const definition = { policy, maxWaiting: 3, whenEmpty: 'hold', seed: -77 } as const;
  return main.define(WEB, definition, rows, 'widen', { position: 1, nowMs: 0 });
}

function checkpoint(main: MainLedger) {
  const into = new ByteWriter(new Uint8Array(1));
  const ticket = main.checkpoint(WEB, into);
  return { ticket, ...unpackCheckpoint(into.written()) };
}

describe('a checkpoint', () => {
  it('has all that later decisions depend on', async () => {
    const main = createArena({ threads: 4, ring() {}, record: false });
    await define(main, [row('a'), row('b', { limit: 0, weight: 5 }), row('c')], 'round-robin');
    const worker = attachArena(main.shared, main.enlist(), () => {});
    const web = worker.pool(WEB)!;
    const held = web.checkout(1, [keyOf('b'), keyOf('c')], nobody());
    main.pool(WEB)!.checkout(1.5, [keyOf('a'), keyOf('c')], nobody());
    web.quarantine(keyOf('c'), 2, 5000.25);
    web.checkout(3, [keyOf('b')], nobody(), 2 ** 51, 0, keyOf('a'));
    const answer = checkpoint(main);
    expect(typeof held).toBe('object');
    expect(answer).toMatchObject({
      policy: 'round-robin',
      maxWaiting: 3,
      whenEmpty: 'hold',
      widening: false,
      chance: -77,
      rows: [
        {
          row: 0,
          backendKey: keyOf('a'),
          epoch: 1,
          limit: 1,
          weight: 1,
          quarantined: false,
          inFlight: new Map([[1, 1]]),
        },
        { row: 1, backendKey: keyOf('b'), limit: 0, weight: 5, inFlight: new Map([[0, 1]]) },
        { row: 2, backendKey: keyOf('c'), quarantined: true, untilMs: 5000.25, inFlight: new Map() },
      ],
      waiters: [{ thread: 1, tried: [keyOf('b')], hash: 2 ** 51, wanted: keyOf('a') }],
    });
    expect(answer.waiters[0]?.ticket).toBe(answer.ticket);
    let seen = 0;
    main.tickets((key, ticket) => {
      if (key === WEB) seen = ticket;
    });
    expect(seen).toBe(answer.ticket);
    expect(answer.mark).toBeGreaterThan(0);
  });

  it('has what was learnt of each backend', async () => {
    const main = createArena({ threads: 1, ring() {}, record: false });
    await define(main, [row('a'), row('b')], 'peak-ewma');
    const web = main.pool(WEB)!;
    const lease = web.checkout(1, [keyOf('b')], nobody());
    if (typeof lease !== 'string') web.checkin(lease, 31.25, 'server_error', 30.25);
    const { rows } = checkpoint(main);
    expect(rows[0]).toMatchObject({ latencyMs: 1000, failing: 0.02, learntAtMs: 31.25 });
    expect(rows[1]).toMatchObject({ latencyMs: -1, failing: 0, learntAtMs: 0 });
  });

  it('is of nothing where there is no such pool', () => {
    const main = createArena({ threads: 1, ring() {}, record: false });
    expect(main.checkpoint(WEB, new ByteWriter())).toBe(0);
  });

  it('is of nothing while a thread that died holds the lock', async () => {
    const main = createArena({ threads: 2, ring() {}, record: false });
    await define(main, [row('a')], 'least-request');
    const { words } = new Memory(main.shared.buffer);
    const pool = main.pool(WEB) as unknown as { block: number };
    words[pool.block] = 2;
    expect(main.checkpoint(WEB, new ByteWriter())).toBe(0);
    words[pool.block] = 0;
    expect(main.checkpoint(WEB, new ByteWriter())).toBeGreaterThan(0);
  });
});
