/** Claims on connections: exact over threads, nobody wants in vain, and a death anywhere takes nothing from the others. */
import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { claimsOf, connectionsOf } from '../../../../actors/pool/ledger/claims.ts';
import type { Lease, RowWatcher } from '../../../../actors/pool/ledger/index.ts';
import type { ConnectionClaims } from '../../../../actors/pool/ledger/ledger.ts';
import { AREA, ASKS_MOST, ASKS_OFFSET } from '../../../../actors/pool/ledger/memory/layout.ts';
import { Chance } from '../../../support/chance.ts';
import {
  backend,
  Died,
  defineWeb,
  leased,
  TestWaiter,
  type Thread,
  WEB,
  type World,
  web,
  world,
} from './world.ts';

const NOW = 10;

type Connection = { lease: Lease | undefined; state: 'wanted' | 'open' | 'idle' | 'closing' };

/** A thread that keeps connections as the proxy does, with closings that take their time. */
class Keeper implements RowWatcher {
  readonly thread: Thread;
  readonly world: World;
  readonly connections: Connection[] = [];
  row = 0;
  #isLooking = false;
  #claims: ConnectionClaims | undefined;

  constructor(stage: World) {
    this.world = stage;
    this.thread = stage.thread();
    this.thread.ledger.watchRows(this);
  }

  /** Kept, since a pool that is gone still has those of what is open. */
  get claims(): ConnectionClaims {
    this.#claims ??= web(this.thread).claims;
    assert(this.#claims !== undefined);
    return this.#claims;
  }

  in(state: Connection['state']): Connection[] {
    return this.connections.filter((connection) => connection.state === state);
  }

  /** A lease on the one backend, and a connection for it as soon as there is room; false: no lease is to be had. */
  begin(): boolean {
    const waiter = new TestWaiter();
    const answer = web(this.thread).checkout(NOW, [], waiter);
    if (answer === 'queued') {
      const left = web(this.thread).leave(waiter, NOW);
      if (typeof left === 'object') web(this.thread).checkin(left, NOW, 'unused');
      return false;
    }
    const lease = leased(answer);
    this.row = lease.row;
    const idle = this.in('idle').at(-1);
    if (idle !== undefined && this.claims.reuse(this.row)) {
      idle.lease = lease;
      idle.state = 'open';
      return true;
    }
    const connection: Connection = { lease, state: 'wanted' };
    if (this.claims.open(this.row, false)) connection.state = 'open';
    this.connections.push(connection);
    this.look();
    return true;
  }

  finish(connection: Connection): void {
    const lease = connection.lease as Lease;
    if (connection.state === 'wanted') {
      this.connections.splice(this.connections.indexOf(connection), 1);
      this.claims.forgo(this.row);
    } else if (this.claims.rest(this.row)) connection.state = 'idle';
    else {
      connection.state = 'closing';
      return;
    }
    connection.lease = undefined;
    web(this.thread).checkin(lease, NOW, 'finished');
  }

  expire(connection: Connection): void {
    connection.state = 'closing';
    this.claims.closing(this.row);
  }

  closed(connection: Connection): void {
    this.connections.splice(this.connections.indexOf(connection), 1);
    this.claims.closed(this.row);
    if (connection.lease !== undefined) web(this.thread).checkin(connection.lease, NOW, 'finished');
  }

  look(): void {
    if (this.#isLooking || this.row === 0) return;
    this.#isLooking = true;
    while (this.claims.owed(this.row) > 0) {
      const [idle] = this.in('idle');
      if (idle === undefined) break;
      this.expire(idle);
    }
    for (const wanted of this.in('wanted')) {
      if (!this.claims.open(this.row, true)) break;
      wanted.state = 'open';
    }
    this.#isLooking = false;
  }
}

function assertExact(stage: World, keepers: readonly Keeper[], limit: number): void {
  const row = keepers.find((keeper) => keeper.row !== 0)?.row;
  if (row === undefined) return;
  const open = connectionsOf(stage.section, row);
  expect(open).toBeLessThanOrEqual(limit);
  for (const keeper of keepers) {
    const { connections, wanted, idle, revoked } = claimsOf(stage.section, row, keeper.thread.number);
    expect(connections).toBe(keeper.connections.length - keeper.in('wanted').length);
    expect(wanted).toBe(keeper.in('wanted').length);
    expect(idle + revoked).toBe(keeper.in('idle').length);
  }
}

describe('claims of four threads that do at random what the proxy does', () => {
  it.each([1, 2, 3, 7])(
    'never exceed a limit of %i, and whoever wants a connection gets it',
    async (limit) => {
      const chance = new Chance();
      const stage = world({ threads: 6 });
      await defineWeb(stage, [backend('a', { limit })]);
      const keepers = [1, 2, 3, 4].map(() => new Keeper(stage));
      for (let step = 0; step < 3000; step++) {
        act(chance, chance.pick(keepers));
        assertExact(stage, keepers, limit);
      }
      // Nobody asks for more: what is under way ends, and nobody is left wanting.
      for (let round = 0; round < 50; round++) {
        for (const keeper of keepers) {
          stage.hear(keeper.thread);
          for (const connection of keeper.in('closing')) keeper.closed(connection);
          for (const connection of keeper.in('open')) keeper.finish(connection);
        }
      }
      expect(
        keepers.flatMap((keeper) => keeper.in('wanted')),
        `seed ${chance.seed}`,
      ).toEqual([]);
      expect(keepers.flatMap((keeper) => keeper.in('open'))).toEqual([]);
      stage.verify(WEB);
    },
  );
});

function act(chance: Chance, keeper: Keeper): void {
  const any = keeper.connections.length === 0 ? undefined : chance.pick(keeper.connections);
  switch (chance.below(5)) {
    case 0:
    case 1:
      keeper.begin();
      break;
    case 2:
      keeper.world.hear(keeper.thread);
      break;
    default:
      if (any === undefined) return;
      if (any.state === 'closing') keeper.closed(any);
      else if (any.state !== 'idle') keeper.finish(any);
      else if (chance.below(4) === 0) keeper.expire(any);
  }
}

type Prepared = { readonly victim: Keeper; readonly other: Keeper; readonly act: () => void };

const SCENES: Readonly<Record<string, (stage: World) => Prepared>> = {
  'takes the last room while another wants it': (stage) => {
    const [victim, other] = [new Keeper(stage), new Keeper(stage)];
    return { victim, other, act: () => void victim.begin() };
  },
  'wants room that another idles in': (stage) => {
    const [victim, other] = [new Keeper(stage), new Keeper(stage)];
    other.begin();
    other.finish(other.connections[0] as Connection);
    return { victim, other, act: () => void victim.begin() };
  },
  'is asked for what it idles in': (stage) => {
    const [victim, other] = [new Keeper(stage), new Keeper(stage)];
    victim.begin();
    victim.finish(victim.connections[0] as Connection);
    other.begin();
    const act = () => {
      stage.hear(victim.thread);
      for (const connection of victim.in('closing')) victim.closed(connection);
    };
    return { victim, other, act };
  },
  'begins, ends, idles and closes': (stage) => {
    const [victim, other] = [new Keeper(stage), new Keeper(stage)];
    const act = () => {
      for (let i = 0; i < 2; i++) {
        victim.begin();
        victim.finish(victim.connections[0] as Connection);
      }
      victim.expire(victim.connections[0] as Connection);
      victim.closed(victim.connections[0] as Connection);
    };
    return { victim, other, act };
  },
  'gives up wanting': (stage) => {
    const [victim, other] = [new Keeper(stage), new Keeper(stage)];
    other.begin();
    other.finish(other.connections[0] as Connection);
    victim.begin();
    return { victim, other, act: () => victim.finish(victim.connections[0] as Connection) };
  },
};

describe('a thread that dies at any step while it', () => {
  it.each(Object.entries(SCENES))('%s leaves the room to the others', async (_, scene) => {
    let deaths = 0;
    for (let steps = 0; await diesAt(scene, steps); steps++) deaths++;
    expect(deaths).toBeGreaterThan(8);
  });
});

async function diesAt(scene: (stage: World) => Prepared, steps: number): Promise<boolean> {
  const stage = world();
  await defineWeb(stage, [backend('a', { limit: 1 })]);
  const { victim, other, act } = scene(stage);
  victim.thread.section.stepsLeft = steps;
  let died = false;
  try {
    act();
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    died = true;
  }
  victim.thread.section.dead = true;
  await stage.main.reap(victim.thread.number, NOW);
  const row = victim.row || other.row;
  if (row !== 0)
    expect(claimsOf(stage.section, row, victim.thread.number)).toEqual({
      connections: 0,
      wanted: 0,
      idle: 0,
      revoked: 0,
    });
  // Whoever waited is told; whoever asks now is served once its own idle one has closed.
  for (let round = 0; round < 3; round++) {
    stage.hear(other.thread);
    for (const connection of other.in('closing')) other.closed(connection);
  }
  expect(other.in('wanted')).toEqual([]);
  if (other.in('open').length === 0) expect(other.begin()).toBe(true);
  expect(other.in('open').length).toBe(1);
  expect(connectionsOf(stage.section, other.row)).toBe(1);
  stage.verify(WEB);
  return died;
}

describe('who wants a connection', () => {
  it('has one though the limit is lowered below the leases there are, once those that idle have made way', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a', { limit: 3 })]);
    const [one, other] = [new Keeper(stage), new Keeper(stage)];
    for (let i = 0; i < 3; i++) one.begin();
    one.finish(one.connections[0] as Connection);
    other.begin();
    expect(other.in('wanted').length).toBe(1);
    for (const phase of ['restrict', 'widen'] as const)
      await defineWeb(stage, [backend('a', { limit: 1 })], { phase });
    stage.hear(one.thread);
    expect([one.in('closing').length, other.in('wanted').length]).toEqual([1, 1]);
    one.closed(one.in('closing')[0] as Connection);
    stage.hear(other.thread);
    expect([one.in('open').length, other.in('open').length]).toEqual([2, 1]);
    // As they end, there are no more than there may be.
    for (const keeper of [one, other])
      for (const connection of keeper.in('open')) {
        keeper.finish(connection);
        if (connection.state === 'closing') keeper.closed(connection);
      }
    assertExact(stage, [one, other], 1);
  });

  it('is told of the row where there is room, and of any where it was told more often than is kept', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a')]);
    const { one, asked } = wanting(stage);
    const looked: number[] = [];
    one.ledger.watchRows({ look: (row) => looked.push(row) });
    const { row } = asked;
    for (const [times, told] of [
      [1, [row]],
      [ASKS_MOST, Array(ASKS_MOST).fill(row)],
      [ASKS_MOST + 1, [0]],
      [2, [row, row]],
    ] as const) {
      for (let i = 0; i < times; i++) asked.again();
      looked.length = 0;
      stage.hear(one);
      expect(looked).toEqual(told);
    }
  });

  it('is told of any row where an ask is not written yet, also in the place of one that was written late', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a')]);
    const { words } = stage.section;
    const { one, asked } = wanting(stage);
    const looked: number[] = [];
    one.ledger.watchRows({ look: (row) => looked.push(row) });
    const area = stage.section.areaOf(one.number);
    const place = area + ASKS_OFFSET + (words[area + AREA.asks]! & (ASKS_MOST - 1));
    let before = words[place]!;
    // The first after nothing, the second one round later, after what the first wrote once it was passed.
    for (const told of [[0], [...Array(ASKS_MOST - 1).fill(asked.row), 0]]) {
      for (let i = 0; i < told.length; i++) asked.again();
      const late = words[place]!;
      words[place] = before;
      stage.hear(one);
      expect(looked.splice(0)).toEqual(told);
      words[place] = late;
      before = late;
    }
  });

  it('is told again of all where somebody failed over a row, or over any', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a')]);
    const { one, asked } = wanting(stage);
    const looked: number[] = [];
    let fails = true;
    one.ledger.watchRows({
      look(row) {
        looked.push(row);
        if (fails) throw new Error('over a row');
      },
    });
    for (const [times, first, next] of [
      [1, asked.row, [asked.row, 0]],
      [2, asked.row, [asked.row, asked.row, 0]],
      [ASKS_MOST + 1, 0, [asked.row, 0]],
    ] as const) {
      fails = true;
      for (let i = 0; i < times; i++) asked.again();
      expect(() => stage.hear(one)).toThrow('over a row');
      expect(looked.splice(0)).toEqual([first]);
      fails = false;
      asked.again();
      stage.hear(one);
      expect(looked.splice(0)).toEqual(next);
    }
  });
});

/** A thread that wants a connection, and how it is asked to look: another closes the only one, and has it again. */
function wanting(stage: World) {
  const [one, two] = [stage.thread(), stage.thread()];
  const { row } = leased(web(one).checkout(NOW, [], new TestWaiter()));
  const [mine, theirs] = [web(one).claims, web(two).claims];
  theirs?.open(row, false);
  expect(mine?.open(row, false)).toBe(false);
  const again = () => {
    theirs?.closed(row);
    theirs?.open(row, false);
  };
  return { one, asked: { row, again } };
}

describe('idle connections', () => {
  const begun = (keeper: Keeper, count: number) => {
    for (let i = 0; i < count; i++) keeper.begin();
    return keeper;
  };
  const finish = (keeper: Keeper) => {
    for (const connection of keeper.in('open')) keeper.finish(connection);
  };

  it('need a claim where their backend has a limit', async () => {
    for (const limit of [0, 3]) {
      const stage = world();
      await defineWeb(stage, [backend('a', { limit })]);
      const { claims, thread } = new Keeper(stage);
      const lease = leased(web(thread).checkout(NOW, [], new TestWaiter()));
      expect(claims.isCounted(lease)).toBe(limit > 0);
    }
  });

  it('are kept, but where the slot goes to a thread that would need the room', async () => {
    for (const next of ['nobody', 'itself', 'another'] as const) {
      const stage = world();
      await defineWeb(stage, [backend('a')]);
      const keeper = begun(new Keeper(stage), 1);
      const other = new Keeper(stage);
      const first = next === 'itself' ? keeper.thread : other.thread;
      if (next !== 'nobody') web(first).checkout(NOW, [], new TestWaiter());
      finish(keeper);
      expect(keeper.in('idle').length).toBe(next === 'another' ? 0 : 1);
    }
  });

  it('are revoked one for each that is wanted, however often it is asked for', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a', { limit: 3 })]);
    const keeper = begun(new Keeper(stage), 3);
    finish(keeper);
    const other = begun(new Keeper(stage), 2);
    for (let i = 0; i < 3; i++) other.look();
    stage.hear(keeper.thread);
    expect(keeper.in('idle').length).toBe(1);
    for (const connection of keeper.in('closing')) keeper.closed(connection);
    stage.hear(other.thread);
    expect(other.in('open').length).toBe(2);
  });

  it('are revoked where the limit is lowered, the backend drained, or removed', async () => {
    for (const rows of [
      [backend('a', { limit: 1 })],
      [backend('a', { limit: 3, state: 'draining' })],
      [],
    ] as const) {
      const stage = world();
      await defineWeb(stage, [backend('a', { limit: 3 })]);
      const keeper = new Keeper(stage);
      for (let i = 0; i < 3; i++) keeper.begin();
      for (const connection of keeper.in('open')) keeper.finish(connection);
      expect(keeper.in('idle').length).toBe(3);
      await defineWeb(stage, [...rows], { phase: 'restrict' });
      stage.hear(keeper.thread);
      const left = rows.length === 1 && rows[0]?.state !== 'draining' ? 1 : 0;
      expect(keeper.in('idle').length).toBe(left);
    }
  });

  it('of a removed backend keep its row from others until they are closed', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a', { limit: 1 })]);
    const keeper = new Keeper(stage);
    keeper.begin();
    const row = keeper.row;
    keeper.finish(keeper.connections[0] as Connection);
    await defineWeb(stage, [backend('b', { limit: 1 })], { phase: 'restrict' });
    await defineWeb(stage, [backend('b', { limit: 1 })]);
    keeper.look();
    keeper.closed(keeper.connections[0] as Connection);
    const other = new Keeper(stage);
    other.begin();
    expect(other.row).not.toBe(row);
    stage.verify(WEB);
  });

  it('of a dropped pool keep its ledger until they are closed', async () => {
    const stage = world();
    await defineWeb(stage, [backend('a', { limit: 1 })]);
    const keeper = new Keeper(stage);
    keeper.begin();
    const idle = keeper.connections[0] as Connection;
    keeper.finish(idle);
    const change = { position: 2, nowMs: NOW };
    await stage.main.drop(WEB, change);
    stage.hear(keeper.thread);
    expect(keeper.in('closing')).toEqual([idle]);
    await stage.main.drop(WEB, change);
    keeper.closed(idle);
    expect(stage.main.blockOf(WEB)).not.toBe(0);
    await stage.main.drop(WEB, change);
    expect(stage.main.blockOf(WEB)).toBe(0);
  });
});
