import { describe, expect, it } from 'vitest';
import { Passivation, type Pools } from '../../../actors/owner/passivation.ts';
import type { PoolName } from '../../../eventlog/index.ts';

class Bedroom implements Pools {
  readonly tickets = new Map<PoolName, number>();
  readonly refused = new Set<string>();
  nowMs = 0;
  awake = () => this.tickets.keys();
  ticket = (pool: PoolName) => this.tickets.get(pool) ?? 0;
  get awakeCount() {
    return this.tickets.size;
  }
  async sleep(pool: PoolName, ticket: number) {
    expect(ticket).toBe(this.tickets.get(pool));
    if (!this.refused.has(pool)) this.tickets.delete(pool);
    return !this.refused.has(pool);
  }
  use(...pools: string[]) {
    for (const pool of pools) this.tickets.set(pool as PoolName, this.ticket(pool as PoolName) + 1);
  }
}

async function seconds(passivation: Passivation, room: Bedroom, count: number, each = () => {}) {
  for (let second = 0; second < count; second += 1) {
    room.nowMs += 1000;
    each();
    await passivation.look();
  }
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);

describe('passivation', () => {
  it('comes for none while few are awake', async () => {
    const room = new Bedroom();
    room.use(...many(10));
    await seconds(new Passivation({ most: () => 10, now: () => room.nowMs, pools: room }), room, 200);
    expect(room.awakeCount).toBe(10);
  });

  it('comes after 20 s of rest for as many as are too many, and not for those in use', async () => {
    const room = new Bedroom();
    room.use(...many(15));
    room.refused.add('p14');
    const passivation = new Passivation({ most: () => 5, now: () => room.nowMs, pools: room });
    await seconds(passivation, room, 19, () => room.use('p0', 'p1', 'p2'));
    expect(room.awakeCount).toBe(15);
    await seconds(passivation, room, 10, () => room.use('p0', 'p1', 'p2'));
    expect(room.awakeCount).toBe(5);
    for (const used of ['p0', 'p1', 'p2']) expect(room.tickets.has(used as PoolName)).toBe(true);
  });

  it('comes sooner where far too many are awake', async () => {
    const room = new Bedroom();
    room.use(...many(5000));
    const passivation = new Passivation({ most: () => 100, now: () => room.nowMs, pools: room });
    await seconds(passivation, room, 20);
    expect(room.awakeCount).toBeLessThanOrEqual(400);
  });
});
