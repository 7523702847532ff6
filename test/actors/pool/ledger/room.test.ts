/** An arena that is full: whoever finds no room is told so, and takes nothing from the others. */
import { describe, expect, it } from 'vitest';
import {
  createArena,
  keyOf,
  type MainLedger,
  type PoolDefinition,
} from '../../../../actors/pool/ledger/index.ts';
import { createBuffer, Memory } from '../../../../actors/pool/ledger/memory/memory.ts';
import { backend } from './world.ts';

const POOL: PoolDefinition = { policy: 'least-request', maxWaiting: 3, whenEmpty: 'refuse', seed: 4 };
const CHANGE = { position: 7, nowMs: 100 };
const ROOM = /^expected at most \d+ bytes of ledgers/;
// A line of memory, which is the least that is given out.
const WORDS = 16;
// With one more the directory has to grow, for which more room is needed than for a pool.
const FULL_DIRECTORY = 255;

function smallArena(): MainLedger {
  return createArena({ threads: 1, ring: () => {}, record: false, reserveBytes: 0 });
}

function define(ledger: MainLedger, pool: string, backends: number): Promise<void> {
  const rows = Array.from({ length: backends }, (_, index) => backend(`b${index}`));
  return ledger.define(keyOf(pool), POOL, rows, 'widen', CHANGE);
}

/** Gives a pool rows until there is no room for four more; says how many it has. */
async function filled(ledger: MainLedger, pool: string): Promise<number> {
  let backends = 0;
  for (let step = 1024; step >= 4; ) {
    try {
      await define(ledger, pool, backends + step);
      backends += step;
    } catch (error) {
      expect((error as Error).message).toMatch(ROOM);
      step /= 2;
    }
  }
  return backends;
}

describe('a full arena', () => {
  it('has a pool that the directory has no room for nowhere, and has it once there is room', async () => {
    const ledger = smallArena();
    for (let index = 0; index < FULL_DIRECTORY; index++) await define(ledger, `p${index}`, 0);
    await filled(ledger, 'p0');
    await expect(define(ledger, 'more', 0)).rejects.toThrow(ROOM);
    expect([ledger.pool(keyOf('more')), ledger.ticket(keyOf('more'))]).toEqual([undefined, 0]);
    await ledger.drop(keyOf('more'), CHANGE);
    await ledger.drop(keyOf('p0'), CHANGE);
    await define(ledger, 'more', 4);
    expect(ledger.pool(keyOf('more'))?.stats().rows).toHaveLength(4);
  });

  it('has room for a small piece while another thread is refused a large one', () => {
    const buffer = createBuffer({ threads: 2, ring: () => {}, record: false, reserveBytes: 0 });
    const most = buffer.maxByteLength;
    const [one, other] = [new Memory(buffer), new Memory(buffer)];
    const given: number[] = [];
    // In the midst of the large one: this is what it is compared with.
    Object.defineProperty(buffer, 'maxByteLength', {
      configurable: true,
      get: () => {
        Reflect.deleteProperty(buffer, 'maxByteLength');
        given.push(other.allocate(WORDS));
        return most;
      },
    });
    expect(() => one.allocate(most)).toThrow(ROOM);
    expect([one.allocate(WORDS), other.allocate(WORDS)]).toEqual([given[0]! + WORDS, given[0]! + 2 * WORDS]);
  });

  it('has room for small pools however often a large one was tried', async () => {
    const ledger = smallArena();
    const all = await filled(ledger, 'p0');
    await ledger.drop(keyOf('p0'), CHANGE);
    await define(ledger, 'p1', all / 2);
    for (let tries = 0; tries < 3; tries++) await expect(define(ledger, 'large', all)).rejects.toThrow(ROOM);
    await define(ledger, 'p2', all / 4);
    expect(ledger.pool(keyOf('p2'))?.stats().rows).toHaveLength(all / 4);
  });
});
